"""`python -m reproduce`: the essay's experiments."""

from reproduce.application import application, run
from reproduce.essay_command import reproduce

if __name__ == "__main__":
    run(application(reproduce, help="Run the essay's experiments."))
