"""Tables of scores: of the demo, of searched and distilled sets, and under other learners."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path

from analysis.tables.benchmarks import benchmarks
from reproduce.records import is_full, read
from reproduce.summary import (
    Summary,
    grouped,
    is_lucky,
    name_of,
    panel_table,
    score_table,
    summarise,
    summary_of,
)
from reproduce.support.table import Code, Table

FRESH = 1000  # searches use smaller seeds, to find and to choose


def demo(results: Path) -> Table:
    """Scores of the demo's sets that are not the essay's draws."""
    records = filter(is_full, read(results / "demo" / "records.jsonl"))
    return score_table(record for record in records if record["method"] != "essay draw")


def searched(results: Path) -> Table:
    """Scores of searched sets on seeds that no search used."""
    records = filter(is_full, read(results / "records" / "search.jsonl"))
    return score_table(r for r in records if r["method"] != "essay draw" and r["seed"] >= FRESH)


def distilled(results: Path) -> Table:
    """Scores of distilled sets."""
    records = read(results / "records" / "distill.jsonl")
    return score_table(record for record in records if record["method"] != "essay draw")


def panel(results: Path) -> Table:
    """Sets under many learners, one row for each learner, their mean and the weakest."""
    return panel_table(read(results / "records" / "panel.jsonl")).turned()


def cross_protocol(results: Path) -> Table:
    """Sets by protocols, mean ± standard error over networks, whose number is in brackets.

    A star marks sets that scores on the same images have chosen among others.
    """
    records = read(results / "records" / "cross-protocol.jsonl")
    protocols = list(dict.fromkeys(record["protocol"] for record in records))
    rows = []
    sets = grouped(records, lambda record: (record["ipc"], name_of(record)))
    for (ipc, name), ours in sorted(sets.items()):
        under = grouped(ours, itemgetter("protocol"))
        cells = [summarise(under[p]).with_n if p in under else "–" for p in protocols]
        rows.append([name + (" \\*" if any(map(is_lucky, ours)) else ""), f"{ipc:g}", *cells])
    return Table(["set", "ipc", *(Code(protocol) for protocol in protocols)], rows)


def cross_architecture(results: Path) -> Table:
    """Networks by sets, mean ± standard error over networks."""
    head, rows = ["network"], dict[str, list[Summary]]()
    for bench in benchmarks(results, "cross-architecture"):
        head = [f"network, n = {bench['settings']['seeds']}"]
        for row in bench["rows"]:
            head.append(row["name"])
            for name, accuracies in row["accuracies"].items():
                rows.setdefault(name, []).append(summary_of(accuracies))
    return Table(head, [[name, *cells] for name, cells in rows.items()])
