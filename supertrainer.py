"""The one command: demo, reproduce, search, distill, score, report."""

from reproduce.command import application, reproduce, run, score
from search.command import search


def main() -> None:
    """Entry point of `supertrainer`."""
    run(application(reproduce, search, score, help="Tiny training sets."))
