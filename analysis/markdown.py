"""Tables in Markdown files, kept true: filled from records between marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.tables import score_rows
from reproduce import comparison, essay
from reproduce.errors import UserError
from reproduce.records import Record


def fill(text: str, mark: str, table: str) -> str:
    """Replace what stands between `<!-- mark:begin -->` and `<!-- mark:end -->`.

    Raises
    ------
    UserError
        When the text has no such marks.
    """
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    if not pattern.search(text):
        raise UserError(f"no {begin} ... {end} to fill; put the two marks where the table is to be")
    return pattern.sub(lambda match: f"{begin}\n{table}{end}", text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def essay_table(records: Sequence[Record]) -> str:
    """Ours beside every published number of the essay that the records answer."""
    cells = [cell for draw in essay.DRAWS for cell in comparison.compare(records, draw)]
    rows = [
        [
            f"RMNIST/{cell.published.ipc}" if cell.published.ipc else "MNIST",
            cell.draw or "–",
            f"`{cell.published.protocol}`",
            f"{cell.published.accuracy:.2f}",
            str(cell.ours),
            str(cell.ours.n),
            cell.verdict,
        ]
        for cell in cells
    ]
    return _table(["set", "draw", "protocol", "published", "ours", "n", "verdict"], rows)


def score_table(records: Sequence[Record]) -> str:
    """Scores of sets that are not the essay's draws."""
    rows = [
        [
            row.name + (f" ({row.sets} sets)" if row.sets > 1 else ""),
            f"{row.ipc:g}",
            f"`{row.protocol}`",
            row.split,
            str(row.summary),
            str(row.summary.n),
            row.seeds,
        ]
        for row in score_rows([r for r in records if r["method"] != "essay draw"])
    ]
    return _table(["set", "ipc", "protocol", "split", "accuracy", "n", "seeds"], rows)


TABLES: dict[str, Callable[[Sequence[Record]], str]] = {"essay": essay_table, "demo": score_table}


def fill_file(path: Path, table: str, records: Sequence[Record]) -> str:
    """The text of a Markdown file with one of its tables made anew from records."""
    if table not in TABLES:
        raise UserError(f"unknown table {table!r}, use one of {', '.join(TABLES)}")
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable text file ({type(error).__name__})") from None
    return fill(text, table, TABLES[table](records))
