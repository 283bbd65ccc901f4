"""Our scores beside the published numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from reproduce.data import MNIST_CHECKSUM
from reproduce.essay import draws
from reproduce.records import Record, key_of
from reproduce.summary import Summary, summarise

LEVEL = 0.95  # of the prediction interval that a verdict rests on
LAST_DIGIT = 0.005  # half of the last digit that is published


@dataclass(frozen=True)
class Cell:
    """One published number, ours beside it and a verdict, one of `verdict`'s."""

    published: draws.Published
    draw: str | None
    ours: Summary
    verdict: str


def compare(records: Sequence[Record], draw: str) -> list[Cell]:
    """A cell for every published number that full records of `draw` on validation answer."""
    cells = []
    full = full_records(records)
    for number in draws.published():
        wanted = None if number.ipc == 0 else draw
        ours = of_draw(full, number.protocol, number.ipc, wanted)
        if ours:
            summary = summarise(ours)
            cells.append(Cell(number, wanted, summary, verdict(number, summary)))
    return cells


def compare_draws(records: Sequence[Record]) -> list[Cell]:
    """The cells of both draws, each once: RMNIST/1 is the same in both, and full MNIST is one."""
    compared = [cell for draw in draws.DRAWS for cell in compare(records, draw)]
    once = {(c.published, c.draw if c.published.ipc > 1 else None): c for c in compared}
    return list(once.values())


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

    Both draws hold the same ten images, so that their scores may have been asked for twice.
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


def verdict(published: draws.Published, ours: Summary) -> str:
    """How a published accuracy, which is one run, lies to ours.

    Returns
    -------
    str
        `exact` or `differs` where nothing is random. Else `inside our spread` or `outside`: where
        one more run of ours would fall 19 times in 20, or not; `one run each` where ours is one
        run, too, which says nothing of the spread; `no spread` where several runs of ours agree.
    """
    off = abs(ours.mean - published.accuracy)
    if not published.random:
        return "exact" if off < LAST_DIGIT else "differs"
    if ours.n == 1:
        return "one run each"
    if ours.sd == 0:
        return "no spread"
    return "inside our spread" if off <= reach_of(ours) else "outside"


def reach_of(ours: Summary, runs: int = 1, level: float = LEVEL) -> float:
    """How far from our mean the mean of further runs may fall: half of a prediction interval.

    Parameters
    ----------
    ours : Summary
        Of two or more runs.
    runs : int
        How many further runs.
    level : float
        How often it is to hold them, 0..1. The interval is Student's, for runs of normal spread.
    """
    quantile = float(special.stdtrit(ours.n - 1, (1 + level) / 2))
    return quantile * ours.sd * math.sqrt(1 / runs + 1 / ours.n)
