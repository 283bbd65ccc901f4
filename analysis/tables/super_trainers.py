"""Tables of `docs/super-trainers.md`: what the results say to the essay's last questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.measure import effects
from analysis.origins import Number, Origins
from analysis.results import collect
from analysis.tables.finalists import choices
from analysis.tables.leaderboard import Leaderboard, Row, leaderboards
from analysis.tables.value import comparisons
from reproduce.summary import naming_data
from reproduce.support.table import Code, Table


def leaderboard(folder: Path) -> Table:
    """Every set of ours under every protocol, the smallest budget first."""
    results = collect([folder])
    found = leaderboards(results, Origins())
    protocols = [p for p in _columns(found) if any(p in r.cells for r in _ours(found))]
    rows, data = [], []
    for board in found:
        for row in _ours([board]):
            cells = [_leaderboard_cell(row.cells.get(protocol)) for protocol in protocols]
            name = row.name + (f" ({row.sets} sets)" if row.sets > 1 else "")
            rows.append([name, f"{row.ipc:g}", row.scored_on, *cells])
            data.append(board.source.title)
    return naming_data(Table(["set", "ipc", "split", *(Code(p) for p in protocols)], rows), data)


def _ours(found: Sequence[Leaderboard]) -> list[Row]:
    return [row for board in found for row in board.rows if row.kind != "published"]


def _columns(found: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(p for board in found for p in board.protocols))


def _leaderboard_cell(number: Number | None) -> str:
    return f"{number} ({number.interval.n})" if number else "–"


def typicality(folder: Path) -> Table:
    """How extreme the images of each set are, and how far from real ones."""
    results = collect([folder])
    rows = []
    for analysis in results.ordered_analyses():
        extremity = 100 * np.array(analysis["extremity"])
        distances = [image["distance"] for image in analysis["nearest"]]
        rows.append(
            [
                analysis["name"],
                str(len(extremity)),
                f"{np.median(extremity):.1f} ({extremity.max():.1f})",
                f"{np.median(distances):.1f}",
                f"{analysis['usual']:.1f}",
            ]
        )
    head = [
        "set",
        "images",
        "more typical in its class, %: median (most)",
        "distance to the nearest real image: median",
        "usual between real ones",
    ]
    return Table(head, rows)


def value(folder: Path) -> Table:
    """How many random real images each set is worth whose file is there; the page has all."""
    results = collect([folder])
    origins = Origins()
    kept = [record for record in results.records if record["candidate"] in results.candidates]
    ours = replace(results, records=kept)
    rows = []
    for comparison in comparisons(ours, leaderboards(ours, origins), origins):
        for one in comparison.values:
            accuracy = one.accuracy
            rows.append([one.title, f"{one.images:g}", accuracy, accuracy.interval.n, one.words])
    head = ["set, protocol, split", "images", "accuracy", "n", "as good as random images"]
    return Table(head, rows)


def sensitivity(folder: Path) -> Table:
    """What order, batches, rounding, noise and a missing image change, in points, by seed."""
    results = collect([folder])
    rows = []
    for analysis in results.ordered_analyses():
        changes = [
            (effects.change_name(change), effects.paired_change(analysis, change))
            for change in analysis["sensitivity"]
        ]
        if "leave_one_out" in analysis:
            changes.append(("one image less, on average", effects.without_one(analysis)))
        for name, difference in changes:
            protocol = Code(analysis["protocol"])
            points = f"{difference.mean:+.2f} ± {difference.half:.2f}"
            rows.append([analysis["name"], protocol, name, points, difference.n])
    return Table(["set", "protocol", "change", "points", "n"], rows)


def finalists(folder: Path) -> Table:
    """What each search's choice among its finalists was worth on fresh seeds."""
    results = collect([folder])
    rows = []
    for choice in choices(results, Origins()):
        fresh = choice.fresh
        rows.append(
            [
                choice.name,
                Code(choice.protocol),
                str(choice.finalists),
                f"{choice.chosen} ({choice.chosen.interval.n})",
                choice.corrected.text,
                f"{fresh} ({fresh.interval.n})" if fresh else "–",
            ]
        )
    head = ["search", "protocol", "finalists", "the best as chosen", "less luck", "fresh seeds"]
    return Table(head, rows)
