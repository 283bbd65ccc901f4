"""The leaderboard: candidates by protocols, with baselines and published results beside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import Any

import numpy as np

from analysis.measure.variants import ALTERED
from analysis.origins import Number, Origins, number_of
from analysis.results import Results
from analysis.sources import Source
from analysis.statistics import Interval
from reproduce.known import MNIST_CHECKSUM
from reproduce.recipe import marked
from reproduce.records import Record, is_full
from reproduce.summary import CHOSE_IT, by_candidate, grouped, is_finalist, is_lucky, role_of
from reproduce.support.table import Table

# Columns in this order, the strongest learners first; other protocols come before the essay's.
NETWORKS = ("conv-shift2", "conv-shift1", "conv")
ORDER = (*NETWORKS, "mlp", "svm-rbf", "svm-linear", "knn", "forest", "tree")
MADE = ("distilled", "searched", "given")  # roles of sets that somebody made
CHANCE = ("random sets", "essay draw")  # roles of sets that nobody chose


@dataclass(frozen=True)
class Published:
    """One result of the literature, in percent on MNIST's test images.

    Attributes
    ----------
    budget : str
        `strict`: ipc images per class are trained on. `storage`: as many bytes, expanded.
    protocol : str
        Ours that is nearest to its evaluation.
    memory : bool
        Quoted from memory of the paper, good to about a point.
    """

    method: str
    ipc: int
    accuracy: float
    spread: float | None
    budget: str
    labels: str
    evaluation: str
    protocol: str
    memory: bool
    source: str


@cache
def literature() -> tuple[Published, ...]:
    """Results of the literature, from the one file that holds them, `literature.json`."""
    source = files("analysis.tables").joinpath("literature.json")
    content = json.loads(source.read_text(encoding="utf-8"))
    return tuple(Published(**entry) for entry in content["results"])


@dataclass(frozen=True)
class Row:
    """One candidate, or several random sets, on one split: a number for each protocol.

    Attributes
    ----------
    kind : str
        The role of its records, one of `reproduce.candidate.ROLES`, or `published`.
    lucky : bool
        Whether scores on this split have chosen the set among others.
    """

    name: str
    kind: str
    split: str
    ipc: float
    candidate: str | None
    sets: int
    cells: dict[str, Number]
    lucky: bool = False

    @property
    def scored_on(self) -> str:
        """The split, and whether its scores chose the set."""
        return self.split + (CHOSE_IT if self.lucky else "")

    @property
    def mean(self) -> float:
        """The highest mean, over protocols."""
        return max(cell.interval.mean for cell in self.cells.values())


@dataclass(frozen=True)
class Leaderboard:
    """All rows of one budget: data and its images per class."""

    source: Source
    ipc: float
    protocols: list[str]
    rows: list[Row]

    def table(self) -> Table:
        """All rows, with a column for each protocol."""
        head = ["set", "kind", "split", "sets", *self.protocols]
        rows = [
            [r.name, r.kind, r.scored_on, r.sets, *(r.cells.get(p, "") for p in self.protocols)]
            for r in self.rows
        ]
        return Table(head, rows)


def leaderboards(results: Results, origins: Origins) -> list[Leaderboard]:
    """A board for each data and budget in which something but the essay's draws was scored.

    Only scores of full fidelity count, none by which a search chose its best set, and none of the
    altered copies of a set that `analyse` scores. Random sets
    of one name are one row, whose n is the number of sets. A set that was scored under several
    names is one row, too.
    """
    full = [
        record
        for record in results.records
        if is_full(record) and not is_finalist(record) and record["method"] not in ALTERED
    ]
    budgets = {(r["checksum"], r["ipc"]) for r in full if role_of(r) != "essay draw"}
    titles = {checksum: source.title for checksum, source in results.sources.items()}
    return [
        _board(results.sources[checksum], ipc, full, origins)
        for checksum, ipc in sorted(budgets, key=lambda budget: (titles[budget[0]], *budget))
    ]


def _board(source: Source, ipc: float, records: Sequence[Record], origins: Origins) -> Leaderboard:
    ours = [r for r in records if (r["checksum"], r["ipc"]) == (source.checksum, ipc)]
    shown = {r["protocol"] for r in ours if role_of(r) != "essay draw"}
    groups = grouped((r for r in ours if r["protocol"] in shown), _row_of)
    rows = [_row(ipc, group, origins) for group in groups.values()]
    if source.checksum == MNIST_CHECKSUM:
        published = [p for p in literature() if p.ipc == ipc and p.budget == "strict"]
        rows += [published_row(number, origins) for number in published]
        shown |= {number.protocol for number in published}
    return Leaderboard(source, ipc, sorted(shown, key=_place), sorted(rows, key=_rank))


def _row_of(record: Record) -> tuple[str, str]:
    """What the records of one row share: a candidate, or the name of random sets, and a split."""
    random = role_of(record) == "random sets"
    return record["name"] if random else record["candidate"], record["split"]


def _place(protocol: str) -> tuple[bool, int, str]:
    """A candidate's own recipe first, the essay's networks and plain classifiers last."""
    place = ORDER.index(protocol) if protocol in ORDER else -1
    return (protocol != "own", place, protocol)


def _row(ipc: float, group: Sequence[Record], origins: Origins) -> Row:
    by_protocol = grouped(group, itemgetter("protocol"))
    sets = list(by_candidate(group))
    # A record's own name may be of several sets of equal content: "searched = nearest mean".
    names = [name for record in group for name in record["name"].split(" = ")]
    return Row(
        name=marked(" = ".join(dict.fromkeys(names)), group[0].get("frame", "plain")),
        kind=role_of(group[0]),
        split=group[0]["split"],
        ipc=ipc,
        candidate=sets[0] if role_of(group[0]) != "random sets" else None,
        sets=len(sets),
        cells={protocol: number_of(some, origins) for protocol, some in by_protocol.items()},
        lucky=any(map(is_lucky, group)),
    )


def published_row(number: Published, origins: Origins) -> Row:
    """A result of the literature as a row; its spread is shown in words, not as an interval."""
    spread = f" ± {number.spread} (standard deviation)" if number.spread is not None else ""
    quoted = "; quoted from memory, good to about a point" if number.memory else ""
    note = f"{number.accuracy}{spread}; {number.labels} labels; {number.evaluation}{quoted}"
    interval = Interval(1, number.accuracy, np.nan, np.nan)
    cell = Number(interval, origins.published(number.source, note))
    return Row(
        number.method, "published", "test", number.ipc, None, 1, cells={number.protocol: cell}
    )


def storage_table(boards: Sequence[Leaderboard], origins: Origins) -> Table | None:
    """Published results with a storage budget, of the sizes on MNIST's boards; None without any."""
    sizes = {board.ipc for board in boards if board.source.checksum == MNIST_CHECKSUM}
    rows = [
        [found.method, found.ipc, published_row(found, origins).cells[found.protocol]]
        for found in literature()
        if found.budget == "storage" and found.ipc in sizes
    ]
    head = ["method", "images per class", "accuracy on test, %"]
    title = "Published results with a storage budget"
    return Table(head, rows, title, right=(1, 2)) if rows else None


def _rank(row: Row) -> tuple[Any, ...]:
    return (-row.mean, row.name, row.split)
