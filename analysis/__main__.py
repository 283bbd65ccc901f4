"""`python -m analysis`: its commands alone."""

from analysis.analyse import analyse, place, random_curve
from analysis.command import compare, report, show
from reproduce.application import application, run

if __name__ == "__main__":
    run(application(analyse, place, random_curve, report, show, compare, help="Show and compare."))
