"""`python -m reproduce`: the essay's experiments."""

from reproduce.support.processes import importing

if __name__ == "__main__":
    with importing():
        from reproduce.commands.application import application, run
        from reproduce.commands.reproduce import reproduce
    run(application(reproduce, help="Run the essay's experiments."))
