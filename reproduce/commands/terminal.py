"""What commands show to people: texts, tables and progress.

Names come from files and arguments. They are shown letter by letter: markup of rich, emoji codes
and escape sequences in a name have no effect on the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rich.table
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as ProgressBars
from rich.text import Text

from reproduce.records import Record
from reproduce.support.progress import Progress
from reproduce.support.table import Table
from reproduce.support.text import printable

BESIDE = 36  # characters beside a bar and its title: numbers, times, and what lies between
NARROWEST, WIDEST = 8, 40  # characters of a bar


def plain(text: object) -> Text:
    """Return a text that rich prints letter by letter; line breaks stay."""
    return Text("\n".join(map(printable, str(text).split("\n"))))


def say(*things: str | Table, stderr: bool = False) -> None:
    """Print texts and tables; the terminal wraps long lines of texts."""
    console = Console(stderr=stderr)
    for thing in things:
        if isinstance(thing, Table):
            console.print(_drawn(thing))
        else:
            console.print(plain(thing), soft_wrap=True)


def show_records(records: Sequence[Record], as_json: bool, table: Table) -> None:
    """Print records as a JSON list, or print the table that sums them up."""
    if as_json:
        print(json.dumps(list(records)))
    else:
        say(table)


def _drawn(table: Table) -> rich.table.Table:
    """A table of rich whose title, headings and cells are shown letter by letter."""
    frame: dict[str, Any] = {} if table.lines else {"box": None, "padding": (0, 1, 0, 0)}
    title = plain(table.title) if table.title else None
    drawn = rich.table.Table(title=title, show_header=bool(table.head), **frame)
    width = len(table.head) or max(map(len, table.rows), default=0)
    for number, head in enumerate(table.head or [""] * width):
        drawn.add_column(plain(head), overflow="fold")
        drawn.columns[-1].justify = "right" if number in table.right else "left"
    for row in table.rows:
        drawn.add_row(*map(plain, row))
    return drawn


class _Bars(ProgressBars):
    """Bars with their notes below them, so that both are readable on narrow terminals."""

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bars that have begun, and their notes."""
        begun = [task for task in self.tasks if task.total is not None]
        if begun:
            yield self.make_tasks_table(begun)
        for task in begun:
            if task.fields["note"]:
                yield Text(f"  {task.fields['note']}", no_wrap=True, overflow="ellipsis")


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a progress bar on standard error with the time spent and left, once it is updated.

    Yields
    ------
    Progress
        Moves the bar, and shows the note below it.
    """
    console = Console(stderr=True)
    shown, most = printable(title), max(NARROWEST, console.width - NARROWEST - BESIDE)
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(min(WIDEST, max(NARROWEST, console.width - len(shown) - BESIDE))),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with _Bars(*columns, console=console) as bar:
        task = bar.add_task(shown, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=printable(note))

        yield update
