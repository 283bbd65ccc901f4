"""Our scores beside the essay's published numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from reproduce.essay import draws
from reproduce.essay.experiments import Published, published
from reproduce.known import MNIST_CHECKSUM
from reproduce.records import Record, key_of
from reproduce.summary import Summary, summarise
from reproduce.support.table import Code, Table

LEVEL = 0.95  # of the prediction interval that a verdict rests on
LAST_DIGIT = 0.005  # half of the last digit that is published


@dataclass(frozen=True)
class Cell:
    """One published number, ours beside it, and what `verdict` says of the two."""

    published: Published
    draw: str | None
    ours: Summary
    verdict: str

    @property
    def set(self) -> str:
        """The name of the essay's set."""
        return f"RMNIST/{self.published.ipc}" if self.published.ipc else "MNIST"

    @property
    def known_draw(self) -> str:
        """The draw where draws differ: both hold the same ten images, and full MNIST is no draw."""
        return self.draw if self.draw and self.published.ipc > 1 else "–"


def compare(records: Sequence[Record], draw: str) -> list[Cell]:
    """A cell for every published number that full records of `draw` on validation answer."""
    cells = []
    full = full_records(records)
    for number in published():
        wanted = None if number.ipc == 0 else draw
        ours = of_draw(full, number.protocol, number.ipc, wanted)
        if ours:
            summary = summarise(ours)
            cells.append(Cell(number, wanted, summary, verdict(number, summary)))
    return cells


def compare_draws(records: Sequence[Record]) -> list[Cell]:
    """The cells of both draws, each once: RMNIST/1 is the same in both, and full MNIST is one."""
    compared = [cell for draw in draws.DRAWS for cell in compare(records, draw)]
    return list({(cell.published, cell.known_draw): cell for cell in compared}.values())


def table(cells: Sequence[Cell], title: str = "") -> Table:
    """Published numbers and ours, side by side."""
    rows = [
        [
            cell.set,
            cell.known_draw,
            Code(cell.published.protocol),
            f"{cell.published.accuracy:.2f}",
            cell.ours,
            f"{cell.ours.sd:.2f}" if cell.ours.n > 1 else "–",
            cell.ours.n,
            cell.verdict,
        ]
        for cell in cells
    ]
    head = ["set", "draw", "protocol", "published", "ours", "sd", "n", "verdict"]
    return Table(head, rows, title)


def of_draw(records: Sequence[Record], protocol: str, ipc: int, draw: str | None) -> list[Record]:
    """The records of a protocol on one of the essay's sets.

    Both draws choose the same ten images for RMNIST/1, so those records count for either.
    """
    return [
        record
        for record in records
        if record["protocol"] == protocol
        and (ipc == 0 or record["ipc"] == ipc)
        and (record["draw"] == draw or (ipc == 1 and record["draw"] is not None))
    ]


def full_records(records: Sequence[Record]) -> list[Record]:
    """The records of the essay's draws from MNIST at full fidelity on validation, each score once.

    The two draws hold the same ten images for RMNIST/1, so these scores may be there twice.
    """
    full = [
        record
        for record in records
        if record["method"] == "essay draw"
        and record["checksum"] == MNIST_CHECKSUM
        and record["split"] == "validation"
        and record["images"] is None
        and record["epochs"] is None
    ]
    return list({key_of(record): record for record in full}.values())


def verdict(number: Published, ours: Summary) -> str:
    """How a published accuracy, which is one run, compares with ours.

    Returns
    -------
    str
        `exact` or `differs` where nothing is random. `one run each` where ours is a single run,
        too, and `no spread` where several runs of ours agree: neither allows a verdict. Otherwise
        `inside our spread` or `outside`: whether the published accuracy lies in the interval that
        holds one more run of ours 19 times in 20.
    """
    off = abs(ours.mean - number.accuracy)
    if not number.random:
        return "exact" if off < LAST_DIGIT else "differs"
    if ours.n == 1:
        return "one run each"
    if ours.sd == 0:
        return "no spread"
    return "inside our spread" if off <= reach_of(ours) else "outside"


def reach_of(ours: Summary, runs: int = 1, level: float = LEVEL) -> float:
    """Half the width of Student's prediction interval for the mean of further runs.

    Parameters
    ----------
    ours : Summary
        Of two or more runs, whose spread is taken to be normal.
    runs : int
        Number of further runs.
    level : float
        Probability that the interval holds their mean, 0..1.
    """
    quantile = float(special.stdtrit(ours.n - 1, (1 + level) / 2))
    return quantile * ours.sd * math.sqrt(1 / runs + 1 / ours.n)
