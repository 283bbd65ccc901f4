"""The top of the page: the best set of the smallest size, beside sets that nobody chose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from analysis.figures.pictures import tiles_of
from analysis.origins import Number
from analysis.results import Results
from analysis.tables.leaderboard import CHANCE, MADE, Leaderboard, Row
from reproduce.known import MNIST_CHECKSUM

TILES = 20  # images at most


@dataclass(frozen=True)
class Leader:
    """The set at the top of the page.

    Attributes
    ----------
    board : Leaderboard
    row : Row
        Of test, where the set was read there under the protocol that chose it.
    protocol : str
    chosen_on : str
        The split on which it is the best of its leaderboard. Empty where nothing but test was
        scored; the set is then the first by name.
    """

    board: Leaderboard
    row: Row
    protocol: str
    chosen_on: str

    @property
    def number(self) -> Number:
        """Its accuracy under its protocol."""
        return self.row.cells[self.protocol]


def leader(boards: Sequence[Leaderboard]) -> Leader | None:
    """The best made set of the smallest size, on MNIST where there is some.

    Scores on validation alone compare sets and protocols; test never chooses.
    """
    for board in sorted(boards, key=lambda one: (one.source.checksum != MNIST_CHECKSUM, one.ipc)):
        best = best_of(board, MADE)
        if best:
            return best
    return None


def best_of(board: Leaderboard, roles: Collection[str], learner: str = "") -> Leader | None:
    """The best set of these roles by validation, read on test where test has a number of it.

    Where some were scored under the protocol `learner`, only they and it count.
    """
    rows = [row for row in board.rows if row.kind in roles]
    under = [row for row in rows if learner in row.cells]
    rows = under or rows
    validated = [row for row in rows if row.split.startswith("validation")]
    if validated:
        best = max(validated, key=lambda row: (not row.lucky, row.mean))
        protocol = learner if under else _strongest(best.cells)
        read = [
            row
            for row in rows
            if (row.split, row.candidate) == ("test", best.candidate) and protocol in row.cells
        ]
        return Leader(board, read[0] if read else best, protocol, best.scored_on)
    if not rows:
        return None
    first = min(rows, key=lambda row: row.name)
    protocol = next(p for p in board.protocols if p in first.cells)
    return Leader(board, first, learner if under else protocol, "")


def _strongest(cells: dict[str, Number]) -> str:
    """The protocol with the highest mean."""
    return max(cells, key=lambda name: cells[name].interval.mean)


def rival(leader: Leader) -> tuple[str, Number] | None:
    """Sets that nobody chose, on the leader's split: their protocol and their number.

    Random sets come before the essay's draw. The protocol is the leader's own where they were
    scored under it, else the one that they do best by on validation, else the first in order.
    """
    rows = [row for row in leader.board.rows if row.kind in CHANCE]
    beside = [row for row in rows if row.split == leader.row.split]
    beside.sort(key=lambda row: row.kind == "random sets")
    cells = {name: number for row in beside for name, number in row.cells.items()}
    if not cells:
        return None
    if leader.protocol in cells:
        return leader.protocol, cells[leader.protocol]
    validated = {
        name: number
        for row in rows
        if row.split.startswith("validation")
        for name, number in row.cells.items()
        if name in cells
    }
    first = next(name for name in leader.board.protocols if name in cells)
    protocol = _strongest(validated) if validated else first
    return protocol, cells[protocol]


@dataclass(frozen=True)
class Headline:
    """What stands at the top of the page.

    Attributes
    ----------
    random : Number or None
        Of sets that nobody chose, under `random_protocol`.
    tiles : list of (str, str)
        Some of the images: the name of the class, and the image as an address.
    images : int
        Images of the whole set.
    """

    leader: Leader
    number: Number
    random_protocol: str
    random: Number | None
    tiles: list[tuple[str, str]]
    images: int


def headline(results: Results, leader: Leader | None) -> Headline | None:
    """What stands at the top of the page; None where the file of the best set is missing."""
    candidate = results.candidates.get(leader.row.candidate or "") if leader else None
    if leader is None or candidate is None:
        return None
    tiles = tiles_of(candidate, leader.board.source.class_name, min(candidate.classes, TILES))
    protocol, random = rival(leader) or ("", None)
    return Headline(leader, leader.number, protocol, random, tiles, len(candidate))
