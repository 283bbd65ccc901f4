"""The luck of the best: what a search's choice among its top sets was worth, and what was left.

A search takes the best of k finalists by fresh seeds. The best of k noisy means is lucky, so it is
shown beside what the normal model leaves of it, and what seeds gave that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from analysis.origins import Fact, Number, Origins, number_of
from analysis.results import Results
from analysis.sources import Source
from analysis.statistics import best_of_k
from reproduce.records import Record, is_full
from reproduce.summary import by_candidate, grouped, is_finalist, summarise
from reproduce.support.table import Table


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
    finalists: int
    chosen: Number
    corrected: Fact
    fresh: Number | None


def choices(results: Results, origins: Origins) -> list[Choice]:
    """Every choice among two or more finalists of two or more networks each."""
    full = [record for record in results.records if is_full(record)]
    searches = grouped(
        filter(is_finalist, full), itemgetter("checksum", "name", "protocol", "split")
    )
    found = [by_candidate(records).values() for records in searches.values()]
    return [
        _choice(results, list(sets), full, origins)
        for sets in found
        if len(sets) > 1 and min(map(len, sets)) > 1
    ]


def _choice(
    results: Results, sets: Sequence[list[Record]], full: Sequence[Record], origins: Origins
) -> Choice:
    most = max(map(len, sets))  # a choice in heats: sets that were dropped have fewer networks
    last = [records for records in sets if len(records) == most]
    winner = max(last, key=lambda records: summarise(records).mean)
    same = ("candidate", "protocol", "split")
    fresh = [
        record
        for record in full
        if all(record[name] == winner[0][name] for name in same) and not is_finalist(record)
    ]
    corrected = best_of_k([[record["accuracy"] for record in some] for some in sets])
    everything = [record for some in sets for record in some]
    return Choice(
        results.sources[winner[0]["checksum"]],
        winner[0]["name"],
        winner[0]["protocol"],
        winner[0]["split"],
        len(sets),
        number_of(winner, origins),
        Fact(f"{corrected:.2f}", origins.records(everything)),
        number_of(fresh, origins) if fresh else None,
    )


def choices_table(found: Sequence[Choice], name_data: bool) -> Table | None:
    """Every choice with its origins, for the page; None without any."""
    rows = []
    for choice in found:
        name = f"{choice.name}, {choice.source.title}" if name_data else choice.name
        fresh = [choice.fresh, choice.fresh.n] if choice.fresh else ["–", ""]
        scores = [choice.chosen, choice.chosen.n, choice.corrected, *fresh]
        rows.append([name, choice.protocol, choice.split, choice.finalists, *scores])
    head = ["search", "protocol", "split", "finalists", "best as chosen, %", "n"]
    head += ["corrected, %", "on fresh seeds, %", "n"]
    title = "The best of each search's finalists: as chosen, corrected, and on fresh seeds"
    return Table(head, rows, title, right=range(3, 9)) if rows else None
