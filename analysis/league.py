"""The leaderboard: candidates by protocols, with baselines and published results beside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from analysis.finalists import is_finalist
from analysis.results import is_full
from analysis.statistics import Interval, cluster_interval
from analysis.trace import Number, Traces
from reproduce.records import Record

# Columns in this order, the strongest learners first; other protocols come before the essay's.
NETWORKS = ("conv-shift2", "conv-shift1", "conv")
ORDER = (*NETWORKS, "mlp", "svm-rbf", "svm-linear", "knn", "forest", "tree")
KINDS = ("distilled", "searched", "random", "essay", "published")


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
    content = json.loads(files("analysis").joinpath("literature.json").read_text(encoding="utf-8"))
    return tuple(Published(**entry) for entry in content["results"])


@dataclass(frozen=True)
class Row:
    """One candidate, or several random sets, on one split: a number for each protocol."""

    name: str
    kind: str
    split: str
    ipc: float
    candidate: str | None
    sets: int
    cells: dict[str, Number]


@dataclass(frozen=True)
class League:
    """All rows of one budget: a dataset and its images per class."""

    dataset: str
    ipc: float
    protocols: list[str]
    rows: list[Row]


def kind_of(record: Record) -> str:
    """What sort of set a record scored."""
    if record["method"] == "essay draw":
        return "essay"
    if record["name"] == "random sets" or record["method"] == "random":
        return "random"
    return "distilled" if record["method"].startswith("distil") else "searched"


def leagues(records: Sequence[Record], traces: Traces) -> list[League]:
    """A league for each dataset and budget in which something but the essay's draws was scored.

    Only scores of full fidelity count, and none by which a search chose its best set. Random sets
    of one name are one row, whose n is the number of sets.
    """
    full = [r for r in records if is_full(r) and not is_finalist(r)]
    budgets = {(r["dataset"], r["ipc"]) for r in full if kind_of(r) != "essay"}
    return [_league(dataset, ipc, full, traces) for dataset, ipc in sorted(budgets)]


def _league(dataset: str, ipc: float, records: Sequence[Record], traces: Traces) -> League:
    ours = [r for r in records if (r["dataset"], r["ipc"]) == (dataset, ipc)]
    shown = {r["protocol"] for r in ours if kind_of(r) != "essay"}
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in ours:
        if record["protocol"] in shown:
            kind = kind_of(record)
            one = "" if kind == "random" else record["candidate"]
            groups.setdefault((kind, record["name"], one, record["split"]), []).append(record)
    rows = [_row(key, ipc, group, traces) for key, group in groups.items()]
    if dataset == "mnist":
        published = [p for p in literature() if p.ipc == ipc and p.budget == "strict"]
        rows += [published_row(number, traces) for number in published]
        shown |= {number.protocol for number in published}
    return League(dataset, ipc, sorted(shown, key=_place), sorted(rows, key=_rank))


def _place(protocol: str) -> tuple[bool, int, str]:
    """A candidate's own recipe first, the essay's networks and plain classifiers last."""
    place = ORDER.index(protocol) if protocol in ORDER else -1
    return (protocol != "own", place, protocol)


def _row(key: tuple[str, ...], ipc: float, group: Sequence[Record], traces: Traces) -> Row:
    kind, name, candidate, split = key
    by_protocol: dict[str, list[Record]] = {}
    for record in group:
        by_protocol.setdefault(record["protocol"], []).append(record)
    cells = {p: Number(interval_of(some), traces.records(some)) for p, some in by_protocol.items()}
    sets = len({record["candidate"] for record in group})
    return Row(name, kind, split, ipc, candidate or None, sets, cells)


def published_row(number: Published, traces: Traces) -> Row:
    """A result of the literature as a row; its spread is shown in words, not as an interval."""
    spread = f" ± {number.spread} (standard deviation)" if number.spread is not None else ""
    quoted = "; quoted from memory, good to about a point" if number.memory else ""
    note = f"{number.accuracy}{spread}; {number.labels} labels; {number.evaluation}{quoted}"
    interval = Interval(1, number.accuracy, np.nan, np.nan)
    cell = Number(interval, traces.published(number.source, note))
    cells = {number.protocol: cell}
    return Row(number.method, "published", "test", number.ipc, None, 1, cells)


def interval_of(records: Sequence[Record]) -> Interval:
    """The 95 % interval over networks of one set, or over sets where there are several."""
    sets: dict[str, list[float]] = {}
    for record in records:
        sets.setdefault(record["candidate"], []).append(record["accuracy"])
    return cluster_interval(list(sets.values()))


def _rank(row: Row) -> tuple[Any, ...]:
    return (-max(cell.interval.mean for cell in row.cells.values()), row.name, row.split)


def best_row(leagues: Sequence[League]) -> Row | None:
    """The best distilled or searched set of the smallest budget on MNIST, else on anything.

    Sets that were read on test come before others: nothing was chosen by it.
    """
    for league in sorted(leagues, key=lambda league: (league.dataset != "mnist", league.ipc)):
        made = [row for row in league.rows if row.kind in ("distilled", "searched")]
        for row in [row for row in made if row.split == "test"] or made:  # the best first
            return row
    return None
