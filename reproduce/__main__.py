"""`python -m reproduce`: the essay's experiments."""

from reproduce.processes import importing

if __name__ == "__main__":
    with importing():
        from reproduce.application import application, run
        from reproduce.essay_command import reproduce
    run(application(reproduce, help="Run the essay's experiments."))
