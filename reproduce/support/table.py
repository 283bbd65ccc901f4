"""One table, written for a terminal, a document, a page or a spreadsheet.

`reproduce.commands.terminal.say` prints a table; the others are methods of `Table`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup, escape

from reproduce.support.text import printable


class Code(str):
    """A cell or a heading that is code, such as the name of a protocol."""

    def __html__(self) -> Markup:
        return Markup("<code>{}</code>").format(str(self))


@dataclass(frozen=True)
class Table:
    """A heading for each column and rows of cells.

    A cell is any object. Its `str` is what people read. Two methods are optional: `__html__`
    gives the cell on a page, with links where it has some, and `csv_values` gives the columns that
    the cell fills in a spreadsheet, by a word that is added to the heading.

    Attributes
    ----------
    head : sequence of str
        Empty for a table without headings.
    rows : sequence of sequences of cells
    title : str
        Above the table on a terminal, and its caption on a page.
    right : collection of int
        Columns that are aligned to the right.
    lines : bool
        Whether a terminal draws lines between the cells.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    right: Collection[int] = ()
    lines: bool = True

    def without(self, title: str) -> Table:
        """The table without the column of this heading."""
        column = self.head.index(title)
        kept = [[*row[:column], *row[column + 1 :]] for row in (self.head, *self.rows)]
        right = [other - (other > column) for other in self.right if other != column]
        return replace(self, head=kept[0], rows=kept[1:], right=right)

    def turned(self) -> Table:
        """The table with rows for its columns: for a terminal, which has few columns."""
        head, *rows = map(list, zip(self.head, *self.rows, strict=True))
        return replace(self, head=head, rows=rows, right=())

    def markdown(self) -> str:
        """The table in Markdown. Cells may hold Markdown; they cannot end their cell."""
        rules = ["---:" if column in self.right else "---" for column in range(len(self.head))]
        lines = [map(_markdown, self.head), rules, *(map(_markdown, row) for row in self.rows)]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def html(self, most: int | None = None) -> Markup:
        """The table as an HTML element, with every text escaped.

        Parameters
        ----------
        most : int or None
            Rows that are written; None writes all.
        """
        head = _html_row("th", self.head, self.right, ' scope="col"')
        rows = [_html_row("td", row, self.right) for row in self.rows[:most]]
        return Markup(
            "<table>\n<caption>{}</caption>\n<thead>{}</thead>\n<tbody>\n{}</tbody></table>"
        ).format(self.title, head, Markup("").join(rows))

    def csv(self) -> bytes:
        """The table as CSV in UTF-8."""
        columns = [
            _csv_column(title, [row[number] for row in self.rows])
            for number, title in enumerate(self.head)
        ]
        buffer = io.StringIO()
        lines = zip(*(part for column in columns for part in column), strict=True)
        csv.writer(buffer, lineterminator="\n").writerows(lines)
        return buffer.getvalue().encode()


def _markdown(cell: Any) -> str:
    text = printable(str(cell)).replace("|", r"\|")
    return f"`{text}`" if isinstance(cell, Code) else text


def _html_row(tag: str, cells: Sequence[Any], right: Collection[int], more: str = "") -> Markup:
    opening = {True: f'<{tag}{more} class="figure">', False: f"<{tag}{more}>"}
    written = [
        Markup(opening[column in right]) + escape(cell) + Markup(f"</{tag}>")
        for column, cell in enumerate(cells)
    ]
    return Markup("<tr>{}</tr>\n").format(Markup("").join(written))


def _csv_column(title: str, cells: Sequence[Any]) -> list[list[Any]]:
    """The columns of a spreadsheet, with their headings, that one column of a table becomes."""
    values = [cell.csv_values() if hasattr(cell, "csv_values") else {"": cell} for cell in cells]
    words = max((list(value) for value in values), key=len, default=[""])
    return [
        [f"{title} {word}".strip(), *(value.get(word, "") for value in values)] for word in words
    ]
