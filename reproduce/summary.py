"""Records summed up: means with their errors, paired differences, and the table of scores.

Accuracies are in percent throughout, differences in points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from reproduce import data
from reproduce.recipe import marked
from reproduce.records import Record
from reproduce.support.table import Code, Table
from reproduce.support.text import counted

EQUAL = 1e-9  # points: accuracies that differ by less are the same
CHOSE_IT = ", which chose it"  # behind a split whose scores chose the set among others
CHOSEN = " (chosen on these images)"  # behind the name of such a set
GROUP = ("name", "method", "dataset", "checksum", "ipc", "protocol", "split", "images", "epochs")

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


def grouped(items: Iterable[T], key: Callable[[T], Key]) -> dict[Key, list[T]]:
    """The items that share a key, by that key, in the order in which they come."""
    groups: dict[Key, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def by_candidate(records: Iterable[Record]) -> dict[str | None, list[Record]]:
    """The records of each set, by its hash."""
    return grouped(records, lambda record: record.get("candidate"))


def by_seed(records: Iterable[Record]) -> dict[int, float]:
    """The accuracies of one set, by the seed of the network."""
    return {record["seed"]: record["accuracy"] for record in records}


def role_of(record: Record) -> str:
    """What the set of a record is; for records without a role, it follows from the method."""
    if "role" in record:
        return str(record["role"])
    if record["method"] == "essay draw":
        return "essay draw"
    return "distilled" if record["method"].startswith("distil") else "given"


def name_of(record: Record) -> str:
    """The name of a record's set, with its frame (`reproduce.recipe.marked`)."""
    return marked(str(record["name"]), record.get("frame", "plain"))


def is_finalist(record: Record) -> bool:
    """Whether a search made this record to choose its best set."""
    return role_of(record) == "finalist"


def is_lucky(record: Record) -> bool:
    """Whether scores on the record's images, or on some of them, chose its set among others."""
    chosen_on, split = record.get("chosen_on"), record["split"]
    whole, halves = "validation", ("validation-a", "validation-b")
    return split == chosen_on or {split, chosen_on} in [{whole, half} for half in halves]


@dataclass(frozen=True)
class Summary:
    """n values: their mean, standard deviation and standard error.

    The last two are NaN for n = 1. `over` says what the values are: accuracies of the `networks` of
    one set, or means of several `sets`.
    """

    n: int
    mean: float
    sd: float
    se: float
    over: str = "networks"

    def __str__(self) -> str:
        return f"{self.mean:.2f}" if self.n == 1 else f"{self.mean:.2f} ± {self.se:.2f}"

    @property
    def with_n(self) -> str:
        """The mean with its error and n: `95.10 ± 0.20 (20)`."""
        return f"{self} ({self.n})"

    @property
    def counted(self) -> str:
        """How many values there are, in words: `20 networks`, `1 set`."""
        return counted(self.n, self.over)


def summary_of(values: Sequence[float], over: str = "networks") -> Summary:
    """Sum up numbers, at least one."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Summary(len(values), float(np.mean(values)), sd, sd / math.sqrt(len(values)), over)


def summarise(records: Iterable[Record]) -> Summary:
    """Sum up the accuracies of some records, at least one.

    Records of several sets give one value a set, the mean of its networks: networks that learned
    the same set are no independent sample of sets, so pooling them would give too small an error.
    """
    sets = [[record["accuracy"] for record in own] for own in by_candidate(records).values()]
    if len(sets) == 1:
        return summary_of(sets[0])
    return summary_of([float(np.mean(own)) for own in sets], "sets")


@dataclass(frozen=True)
class Paired:
    """The difference a - b over shared seeds, its 95 % interval, and its two-sided p value.

    `low`, `high` and `p` are NaN for one seed. `p` is NaN, too, where all differences are the same.
    """

    difference: Summary
    low: float
    high: float
    p: float


def paired(a: Mapping[int, float], b: Mapping[int, float]) -> Paired:
    """Student's paired test over the seeds that both sets have.

    Parameters
    ----------
    a, b : mapping of seed to accuracy
        They share at least one seed.

    Raises
    ------
    ValueError
        When they share none.
    """
    shared = sorted(a.keys() & b.keys())
    if not shared:
        raise ValueError("no shared seeds")
    ours, theirs = (np.array([scores[seed] for seed in shared]) for scores in (a, b))
    difference = summary_of(ours - theirs)
    if difference.n == 1:
        return Paired(difference, math.nan, math.nan, math.nan)
    if np.ptp(ours - theirs) < EQUAL:
        return Paired(difference, difference.mean, difference.mean, math.nan)
    from scipy import stats

    test = stats.ttest_rel(ours, theirs)
    interval = test.confidence_interval(0.95)
    return Paired(difference, float(interval.low), float(interval.high), float(test.pvalue))


@dataclass(frozen=True)
class ScoreRow:
    """Scores of one name and role under one protocol and split, at one fidelity.

    Several sets may share a name, as random sets and finalists do. The summary is then of their
    means, and `title` says how many sets there are. `lucky`: scores on this split chose the set.
    """

    name: str
    method: str
    dataset: str
    checksum: str
    ipc: float
    protocol: str
    split: str
    images: int | None
    epochs: int | None
    role: str
    title: str
    lucky: bool
    seeds: str
    summary: Summary


def score_rows(records: Iterable[Record]) -> list[ScoreRow]:
    """One row for each group of records that agree in all but candidate and seed.

    A plan is what learns, in full. It differs between sets of one name that carry other recipes.
    """
    others = ("members", "width", "plan")
    groups = grouped(
        records,
        lambda r: (*(r[field] for field in GROUP), role_of(r), *(r.get(name) for name in others)),
    )
    rows = [
        ScoreRow(
            **dict(zip((*GROUP, "role"), key, strict=False)),
            title=title(group),
            lucky=any(map(is_lucky, group)),
            seeds=seed_range(record["seed"] for record in group),
            summary=summarise(group),
        )
        for key, group in groups.items()
    ]
    return sorted(
        rows,
        key=lambda row: (row.dataset, row.checksum, row.protocol, row.ipc, -row.summary.mean),
    )


def naming_data(table: Table, names: Sequence[str]) -> Table:
    """The table with a second column that names the data of each row, where names differ."""
    if len(set(names)) < 2:
        return table
    columns = zip(["data", *names], [table.head, *table.rows], strict=True)
    head, *rows = ([row[0], name, *row[1:]] for name, row in columns)
    return replace(table, head=head, rows=rows)


def score_table(records: Iterable[Record], title: str = "") -> Table:
    """The rows of `score_rows` as a table for people; several datasets are named."""
    found = score_rows(records)
    rows = [
        [
            row.title,
            f"{row.ipc:g}",
            Code(row.protocol),
            row.split + (CHOSE_IT if row.lucky else ""),
            row.summary,
            row.summary.n,
            row.seeds,
        ]
        for row in found
    ]
    table = Table(["set", "ipc", "protocol", "split", "accuracy", "n", "seeds"], rows, title)
    return naming_data(table, [data.title(row.dataset, row.checksum) for row in found])


def panel_table(records: Iterable[Record], title: str = "") -> Table:
    """One row for each set, with its accuracy under every protocol, their mean, and the weakest.

    Parameters
    ----------
    records : iterable of dict
        Of one split and fidelity. Columns follow the order in which protocols come.
    title : str

    Returns
    -------
    Table
        A set that lacks scores under some protocol has neither mean nor weakest learner.
    """
    groups = grouped(records, lambda record: (record["candidate"], record["protocol"]))
    protocols = list(dict.fromkeys(protocol for _, protocol in groups))
    rows: list[list[Any]] = []
    for candidate in dict.fromkeys(candidate for candidate, _ in groups):
        own = {name: groups.get((candidate, name), []) for name in protocols}
        scored = {name: summarise(group) for name, group in own.items() if group}
        everyone = [record for group in own.values() for record in group]
        named = name_of(everyone[0]) + (CHOSEN if any(map(is_lucky, everyone)) else "")
        cells = [scored.get(name, "") for name in protocols]
        if len(scored) < len(protocols):
            rows.append([named, *cells, "", ""])
            continue
        mean = float(np.mean([summary.mean for summary in scored.values()]))
        weakest = min(scored, key=lambda name: scored[name].mean)
        rows.append([named, *cells, f"{mean:.2f}", f"{weakest} {scored[weakest].mean:.2f}"])
    return Table(["set", *map(Code, protocols), "mean", "weakest"], rows, title)


def title(records: Sequence[Record]) -> str:
    """The name of records of one name and role, with the number of their sets if several."""
    sets, name = len(by_candidate(records)), name_of(records[0])
    if records[0].get("role") == "finalist":
        return f"{name}, {sets} finalist{'s' if sets > 1 else ''}"
    return f"{name} ({sets} sets)" if sets > 1 else name


def seed_range(seeds: Iterable[int]) -> str:
    """Seeds in words: `0..4` for a run of three or more, else one by one."""
    distinct = sorted(set(seeds))
    if len(distinct) > 2 and distinct[-1] - distinct[0] == len(distinct) - 1:
        return f"{distinct[0]}..{distinct[-1]}"
    return ", ".join(map(str, distinct))
