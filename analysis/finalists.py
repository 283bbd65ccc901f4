"""The luck of the best: what a search's choice among its top sets was worth, and what was left.

A search takes the best of k finalists by fresh seeds. The best of k noisy means is lucky, so it is
shown beside what the normal model leaves of it, and what seeds gave that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.results import is_full
from analysis.statistics import Best, best_of_k, mean_interval
from analysis.trace import Fact, Number, Traces
from reproduce.records import Record

ENDING = ", one of the best"  # of the names under which a search scores its finalists


@dataclass(frozen=True)
class Choice:
    """The choice of one search under one protocol.

    Attributes
    ----------
    chosen : Number
        The best finalist as scored for the choice.
    corrected : Fact
        What `best_of_k` leaves of it.
    fresh : Number or None
        The same set on all other seeds of the same split.
    """

    name: str
    protocol: str
    split: str
    best: Best
    chosen: Number
    corrected: Fact
    fresh: Number | None


def is_finalist(record: Record) -> bool:
    """Whether a record belongs to the choice of a search's best set."""
    return bool(record["name"].endswith(ENDING))


def choices(records: Sequence[Record], traces: Traces) -> list[Choice]:
    """Every choice among two or more finalists of two or more networks each."""
    groups: dict[tuple[str, str, str], dict[str, list[Record]]] = {}
    for record in filter(is_finalist, filter(is_full, records)):
        key = (record["name"].removesuffix(ENDING), record["protocol"], record["split"])
        groups.setdefault(key, {}).setdefault(record["candidate"], []).append(record)
    return [
        _choice(*key, sets, records, traces)
        for key, sets in groups.items()
        if len(sets) > 1 and min(map(len, sets.values())) > 1
    ]


def _choice(
    name: str,
    protocol: str,
    split: str,
    sets: dict[str, list[Record]],
    records: Sequence[Record],
    traces: Traces,
) -> Choice:
    best = best_of_k([accuracies(some) for some in sets.values()])
    winner = max(sets, key=lambda key: mean_interval(accuracies(sets[key])).mean)
    fresh = [
        r
        for r in filter(is_full, records)
        if (r["candidate"], r["protocol"], r["split"]) == (winner, protocol, split)
        and not is_finalist(r)
    ]
    everything = [record for some in sets.values() for record in some]
    return Choice(
        name,
        protocol,
        split,
        best,
        _number(sets[winner], traces),
        Fact(f"{best.corrected:.2f}", traces.records(everything)),
        _number(fresh, traces) if fresh else None,
    )


def accuracies(records: Sequence[Record]) -> list[float]:
    """In percent."""
    return [record["accuracy"] for record in records]


def _number(records: Sequence[Record], traces: Traces) -> Number:
    return Number(mean_interval(accuracies(records)), traces.records(records))
