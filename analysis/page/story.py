"""The story of the page: each kind of set, what it looks like, and how far it goes by its size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from analysis.figures.pictures import learned_words, span, tiles_of
from analysis.origins import Number
from analysis.page.headline import TILES, Leader, best_of
from analysis.results import Results
from analysis.sources import Source
from analysis.tables.leaderboard import CHANCE, Leaderboard
from reproduce.candidate import Candidate
from reproduce.recipe import marked

# What a reader calls sets of these roles. Real images are compared under one protocol: that by
# which random ones do best.
REAL = {"drawn at random": CHANCE, "found by search": ("searched",)}
SYNTHETIC = {"made by distillation": ("distilled",)}
GIVEN = {"from elsewhere": ("given",)}
PUBLISHED = "best published result"


@dataclass(frozen=True)
class Bar:
    """How far one kind of set goes.

    Attributes
    ----------
    kind : str
        A key of `REAL`, `SYNTHETIC` or `GIVEN`, or `PUBLISHED`.
    name, protocol : str
        Of the set, and of its learner; the protocol is empty for published results.
    """

    kind: str
    name: str
    protocol: str
    number: Number

    @property
    def missed(self) -> float:
        """Misread images in percent, as little as a bar can show or more."""
        return max(0.01, 100 - self.number.interval.mean)

    @property
    def errors(self) -> str:
        """How often it errs, in words."""
        return f"1 in {100 / self.missed:.0f} misread"


@dataclass(frozen=True)
class Size:
    """All kinds of sets of one size, on one split."""

    ipc: float
    images: float
    split: str
    bars: list[Bar]


@dataclass(frozen=True)
class Look:
    """What one kind of set looks like.

    Attributes
    ----------
    name : str
        Of the set, with its frame.
    hash : str
    tiles : list of (str, str)
        The class that each image started from, and the image as an address.
    words : str
        Which images learned another label than that of their class; empty where none did.
    span : str
        How far its pixels go.
    upright : bool
        Whether its images lie in the upright frame.
    """

    kind: str
    name: str
    hash: str
    tiles: list[tuple[str, str]]
    words: str
    span: str
    upright: bool


def kinds(board: Leaderboard) -> dict[str, Leader]:
    """The best set of each kind, by what a reader calls the kind."""
    found: dict[str, Leader] = {}
    learner = ""
    for title, roles in REAL.items():
        best = best_of(board, roles, learner)
        if best:
            found[title] = best
            learner = learner or best.protocol
    for title, roles in (SYNTHETIC | GIVEN).items():
        best = best_of(board, roles)
        if best:
            found[title] = best
    return found


def reach(boards: Iterable[Leaderboard], source: Source) -> list[Size]:
    """How far each kind of set goes, for each size: on test where that was read, for all alike.

    There the best set of a kind is the best, by validation, of those that were read on test.
    """
    sizes = []
    for board in boards:
        if board.source.checksum != source.checksum:
            continue
        best = kinds(_of_those_read(board))
        splits = [one.row.split for one in best.values()]
        split = "test" if "test" in splits else max(splits, key=splits.count, default="")
        bars = [
            Bar(kind, one.row.name, one.protocol, one.number)
            for kind, one in best.items()
            if one.row.split == split
        ]
        bars += _published(board) if split == "test" else []
        if bars:
            sizes.append(Size(board.ipc, board.ipc * len(source.classes), split, bars))
    return sizes


def _of_those_read(board: Leaderboard) -> Leaderboard:
    """The board without sets that were not read on test, where some were."""
    ours = [row for row in board.rows if row.kind != "published"]
    read = {row.candidate for row in ours if row.split == "test"}
    kept = [row for row in board.rows if row.candidate in read or row.candidate is None]
    return replace(board, rows=kept) if read else board


def _published(board: Leaderboard) -> list[Bar]:
    """The best published result of this size."""
    rows = [row for row in board.rows if row.kind == "published"]
    if not rows:
        return []
    best = max(rows, key=lambda row: row.mean)
    return [Bar(PUBLISHED, best.name, "", max(best.cells.values(), key=_mean))]


def _mean(number: Number) -> float:
    return number.interval.mean


def looks(results: Results, best: dict[str, Leader]) -> list[Look]:
    """What the best set of each kind looks like, where its file is there.

    Many random sets have one number and no file; any random set of that size stands for them.
    """
    found = []
    for kind, one in best.items():
        candidate = results.candidates.get(one.row.candidate or "")
        if candidate is None and one.row.kind in CHANCE:
            candidate = _random(results, one.board)
        if candidate:
            found.append(_look(kind, candidate, one.board.source))
    return found


def _random(results: Results, board: Leaderboard) -> Candidate | None:
    """A set of the board's data and size that nobody chose; None where no file holds one."""
    same = [
        candidate
        for candidate in results.candidates.values()
        if candidate.role in CHANCE
        and (candidate.checksum, candidate.ipc) == (board.source.checksum, board.ipc)
    ]
    return min(same, key=lambda candidate: candidate.name, default=None)


def _look(kind: str, candidate: Candidate, source: Source) -> Look:
    return Look(
        kind,
        marked(candidate.name, candidate.frame),
        candidate.hash,
        tiles_of(candidate, source.class_name, min(candidate.classes, TILES)),
        learned_words(candidate, source.class_name),
        span(candidate),
        candidate.frame == "deskew",
    )
