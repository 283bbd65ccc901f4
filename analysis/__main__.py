"""`python -m analysis`: its commands alone."""

from reproduce.support.processes import importing

if __name__ == "__main__":
    with importing():
        from analysis.analyse import analyse, place, random_curve
        from analysis.command import compare, report, show
        from reproduce.commands.application import application, run
    run(application(analyse, place, random_curve, report, show, compare, help="Show and compare."))
