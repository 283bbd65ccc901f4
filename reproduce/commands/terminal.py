"""What commands show to people: texts letter by letter, tables, and progress.

Names come from files and arguments. Nothing in them acts on the terminal: neither markup of rich,
nor emoji codes, nor escape sequences.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import rich.table
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from reproduce.support.text import printable


def plain(text: object) -> Text:
    """Return a text that rich prints letter by letter; ends of lines stay."""
    return Text("\n".join(map(printable, str(text).split("\n"))))


def say(*things: RenderableType, stderr: bool = False) -> None:
    """Print texts, whose long lines are left to the terminal, and tables."""
    console = Console(stderr=stderr)
    for thing in things:
        text = isinstance(thing, str)
        console.print(plain(thing) if text else thing, soft_wrap=text)


class Table(rich.table.Table):
    """A table of rich whose title, heads and cells are texts, shown letter by letter."""

    def __init__(self, *heads: str, title: str | None = None, **options: Any) -> None:
        super().__init__(*heads, title=None if title is None else plain(title), **options)

    def add_column(self, header: RenderableType = "", *parts: Any, **options: Any) -> None:
        """Add a column with this head."""
        super().add_column(plain(header), *parts, **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row of these texts."""
        super().add_row(*map(plain, cells), **options)


class Update(Protocol):
    """Moves a progress bar to `done` of `total`, with a word on how it goes."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


@contextmanager
def progress(title: str) -> Iterator[Update]:
    """A progress bar on standard error with time spent and left."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(printable(title), total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=printable(note))

        yield update
