"""The luck of the best: what a search's choice among its top sets was worth, and what was left.

A search takes the best of k finalists by fresh seeds. The best of k noisy means is lucky, so it is
shown beside what the normal model leaves of it, and what seeds gave that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.origins import Fact, Number, Origins, number_of
from analysis.results import Results, is_full
from analysis.roles import is_finalist
from analysis.sources import Source
from analysis.statistics import Best, best_of_k
from reproduce.essay.comparison import summarise
from reproduce.records import Record


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
        The same set on all other seeds of the same split: no other network chose it, but the same
        images did.
    """

    source: Source
    name: str
    protocol: str
    split: str
    best: Best
    chosen: Number
    corrected: Fact
    fresh: Number | None


def choices(results: Results, origins: Origins) -> list[Choice]:
    """Every choice among two or more finalists of two or more networks each."""
    full = [record for record in results.records if is_full(record)]
    groups: dict[tuple[str, ...], dict[str, list[Record]]] = {}
    for record in filter(is_finalist, full):
        key = tuple(record[name] for name in ("checksum", "name", "protocol", "split"))
        groups.setdefault(key, {}).setdefault(record["candidate"], []).append(record)
    return [
        _choice(results.sources[key[0]], sets, full, origins)
        for key, sets in groups.items()
        if len(sets) > 1 and min(map(len, sets.values())) > 1
    ]


def _choice(
    source: Source, sets: dict[str, list[Record]], full: Sequence[Record], origins: Origins
) -> Choice:
    winner = max(sets.values(), key=lambda records: summarise(records).mean)
    same = ("candidate", "protocol", "split")
    fresh = [
        record
        for record in full
        if all(record[name] == winner[0][name] for name in same) and not is_finalist(record)
    ]
    best = best_of_k([[record["accuracy"] for record in some] for some in sets.values()])
    everything = [record for some in sets.values() for record in some]
    return Choice(
        source,
        winner[0]["name"],
        winner[0]["protocol"],
        winner[0]["split"],
        best,
        number_of(winner, origins),
        Fact(f"{best.corrected:.2f}", origins.records(everything)),
        number_of(fresh, origins) if fresh else None,
    )
