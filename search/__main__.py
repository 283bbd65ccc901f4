"""`python -m search`: the search for real subsets."""

from reproduce.support.processes import importing

if __name__ == "__main__":
    with importing():
        from reproduce.commands.application import application, run
        from search.command import search
    run(application(search, help="Search real subsets that train well."))
