"""Which replicate seeds serve which purpose. No seed serves two.

| seeds | serve |
| --- | --- |
| 0..499 | a search in which all sets have the same seeds |
| 500..999 | the choice among finalists |
| 1000..1999 | the reported scores |
| 5000..5999 | rungs between cheap and full scores |
| 10,000 and above | a search in which every batch has seeds of its own |
"""

from __future__ import annotations

from reproduce.errors import UserError

PAIRED = range(500)
CHOICE = range(500, 1000)
FRESH = range(1000, 2000)
RUNGS = range(5000, 6000)
OWN = 10_000


def searching(count: int, position: int | None = None) -> range:
    """The seeds with which a search scores a set.

    Parameters
    ----------
    count : int
        Number of seeds.
    position : int, optional
        Position of the batch's first set in the study, if every batch has seeds of its own. Calls
        with one count and different positions share no seed. None: all batches have the same seeds.

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
