"""`python -m search`: the search for real subsets."""

from reproduce.application import application, run
from search.command import search

if __name__ == "__main__":
    run(application(search, help="Search real subsets that train well."))
