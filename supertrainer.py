"""The one command: demo, reproduce, search, distill, score, report."""

from reproduce.command import application, reproduce, run, score


def main() -> None:
    """Entry point of `supertrainer`."""
    run(application(reproduce, score, help="Tiny training sets."))
