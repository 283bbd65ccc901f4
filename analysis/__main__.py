"""`python -m analysis`: the report."""

from analysis.command import report
from reproduce.command import application, run

if __name__ == "__main__":
    run(application(report, help="Write the report."))
