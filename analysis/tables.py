"""Tables: records summed up in rows for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reproduce.comparison import Summary, summarise
from reproduce.records import Record

GROUP = ("name", "method", "dataset", "ipc", "protocol", "split", "images", "epochs")


@dataclass(frozen=True)
class Row:
    """Scores of one name under one protocol and split, at one fidelity.

    Several sets may share a name (random sets do): `sets` says how many, and the summary is of
    their means, because networks of one set are no sample of sets.
    """

    name: str
    method: str
    dataset: str
    ipc: float
    protocol: str
    split: str
    images: int | None
    epochs: int | None
    sets: int
    seeds: str
    summary: Summary


def score_rows(records: Sequence[Record]) -> list[Row]:
    """One row for each group of records that agree in all but candidate and seed."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record[field] for field in GROUP), []).append(record)
    rows = [
        Row(
            **dict(zip(GROUP, key, strict=True)),
            sets=len({record["candidate"] for record in group}),
            seeds=seed_range([record["seed"] for record in group]),
            summary=summarise(one_for_each_set(group)),
        )
        for key, group in groups.items()
    ]
    return sorted(rows, key=lambda row: (row.dataset, row.protocol, row.ipc, -row.summary.mean))


def one_for_each_set(records: Sequence[Record]) -> list[Record]:
    """The records of one set as they are; of several, one for each with its mean accuracy."""
    sets: dict[str, list[Record]] = {}
    for record in records:
        sets.setdefault(record["candidate"], []).append(record)
    if len(sets) == 1:
        return list(records)
    return [{**group[0], "accuracy": summarise(group).mean} for group in sets.values()]


def seed_range(seeds: Sequence[int]) -> str:
    """Seeds in words: `0..4` where they run on, else one by one."""
    distinct = sorted(set(seeds))
    if len(distinct) > 2 and distinct[-1] - distinct[0] == len(distinct) - 1:
        return f"{distinct[0]}..{distinct[-1]}"
    return ", ".join(map(str, distinct))
