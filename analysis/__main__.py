"""`python -m analysis`: its commands alone."""

from reproduce.support.processes import importing

if __name__ == "__main__":
    with importing():
        from analysis.command import compare, report, show
        from analysis.measure.commands import analyse, embed, random_curve
        from reproduce.commands.application import application, run
    run(application(analyse, embed, random_curve, report, show, compare, help="Show and compare."))
