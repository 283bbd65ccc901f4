"""Tables: records summed up in rows for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.roles import is_lucky, role_of
from reproduce.essay.comparison import Summary, summarise, title
from reproduce.records import Record

GROUP = ("name", "method", "dataset", "checksum", "ipc", "protocol", "split", "images", "epochs")


@dataclass(frozen=True)
class Row:
    """Scores of one name and role under one protocol and split, at one fidelity.

    Several sets may share a name (random sets and finalists do): the summary is of their means
    then, and `title` says how many they are. `lucky`: scores on this split chose the set.
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


def score_rows(records: Sequence[Record]) -> list[Row]:
    """One row for each group of records that agree in all but candidate and seed."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        key = (*(record[field] for field in GROUP), role_of(record))
        groups.setdefault(key, []).append(record)
    rows = [
        Row(
            **dict(zip((*GROUP, "role"), key, strict=True)),
            title=title(group),
            lucky=any(map(is_lucky, group)),
            seeds=seed_range([record["seed"] for record in group]),
            summary=summarise(group),
        )
        for key, group in groups.items()
    ]
    return sorted(
        rows,
        key=lambda row: (row.dataset, row.checksum, row.protocol, row.ipc, -row.summary.mean),
    )


def seed_range(seeds: Sequence[int]) -> str:
    """Seeds in words: `0..4` where they run on, else one by one."""
    distinct = sorted(set(seeds))
    if len(distinct) > 2 and distinct[-1] - distinct[0] == len(distinct) - 1:
        return f"{distinct[0]}..{distinct[-1]}"
    return ", ".join(map(str, distinct))
