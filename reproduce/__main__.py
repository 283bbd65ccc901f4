"""`python -m reproduce`: the essay's experiments."""

from reproduce.command import application, reproduce, run

if __name__ == "__main__":
    run(application(reproduce, help="Run the essay's experiments."))
