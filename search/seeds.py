"""Which replicate seeds serve which purpose: none serves two.

| seeds | serve |
| --- | --- |
| 0..499 | a search, where all sets meet the same ones |
| 500..999 | the choice among finalists |
| 1000..1999 | what is reported |
| 10,000 and above | a search, where every batch has its own |
"""

from __future__ import annotations

from reproduce.errors import UserError

PAIRED = range(500)
CHOICE = range(500, 1000)
FRESH = range(1000, 2000)
OWN = 10_000


def searching(count: int, position: int | None = None) -> range:
    """The seeds that a search scores a set by.

    Parameters
    ----------
    count : int
        How many.
    position : int, optional
        Of a batch's first set in the study, where every batch has seeds of its own. Calls of one
        count with different positions share no seed. None: all batches have the same seeds.

    Raises
    ------
    UserError
        When so many seeds would reach those of another purpose.
    """
    if position is None:
        return first(PAIRED, count)
    return range(OWN + position * count, OWN + (position + 1) * count)


def first(seeds: range, count: int) -> range:
    """The first `count` of some seeds; UserError where there are not so many."""
    if count > len(seeds):
        raise UserError(f"{count} seeds are too many; ask for at most {len(seeds)}")
    return seeds[:count]
