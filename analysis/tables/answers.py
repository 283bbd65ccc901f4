"""Tables of `docs/super-trainers.md`: what the results say to the essay's last questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.figures import charts
from analysis.page import learning, sections
from analysis.page.leaderboard import Row, leagues
from analysis.results import Results, collect
from analysis.statistics import Interval
from analysis.tables.finalists import choices
from analysis.trace import Number, Traces

HEADS: dict[str, Sequence[str]] = {
    "typical": (
        "set",
        "images",
        "more typical in its class, %: median (most)",
        "distance to the nearest real image: median",
        "usual between real ones",
    ),
    "worth": ("set, protocol, split", "images", "accuracy", "n", "as good as random images"),
    "hangs": ("set", "protocol", "change", "points", "n"),
    "luck": ("search", "protocol", "finalists", "the best as chosen", "less luck", "fresh seeds"),
}


def spread(interval: Interval) -> str:
    """A mean ± half its 95 % interval."""
    if interval.n == 1:
        return f"{interval.mean:.2f}"
    return f"{interval.mean:.2f} ± {interval.half:.2f}"


def league_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """Every set of ours under every protocol, the smallest budget first."""
    found = leagues(results, Traces())
    protocols = [p for p in _columns(found) if any(p in r.cells for r in _ours(found))]
    rows = []
    for row in _ours(found):
        cells = [_league_cell(row.cells.get(protocol)) for protocol in protocols]
        name = row.name + (f" ({row.sets} sets)" if row.sets > 1 else "")
        rows.append([name, f"{row.ipc:g}", row.scored_on, *cells])
    return ["set", "ipc", "split", *(f"`{p}`" for p in protocols)], rows


def _ours(found: Sequence[Any]) -> list[Row]:
    return [row for league in found for row in league.rows if row.kind != "published"]


def _columns(found: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(p for league in found for p in league.protocols))


def _league_cell(number: Number | None) -> str:
    return f"{spread(number.interval)} ({number.interval.n})" if number else "–"


def typical_rows(results: Results) -> list[list[str]]:
    """How extreme the images of each set are, and how far from real ones."""
    rows = []
    for analysis in sections.ordered(results):
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
    return rows


def worth_rows(results: Results) -> list[list[str]]:
    """How many random real images each set is worth whose file is there; the page has all."""
    traces = Traces()
    kept = [record for record in results.records if record["candidate"] in results.candidates]
    ours = replace(results, records=kept)
    found = learning.worth(ours, leagues(ours, traces), traces)
    rows = []
    for exhibit in found:
        for title, images, number, words in exhibit.rows:
            interval = number.interval
            rows.append([title, images, spread(interval), str(interval.n), str(words)])
    return rows


def hangs_rows(results: Results) -> list[list[str]]:
    """What order, batches, rounding, noise and a missing image change, in points, by seed."""
    rows = []
    for analysis in sections.ordered(results):
        changes = [
            (charts.change_name(change), charts.paired_change(analysis, change))
            for change in analysis["sensitivity"]
        ]
        if "leave_one_out" in analysis:
            changes.append(("one image less, on average", charts.without_one(analysis)))
        for name, difference in changes:
            protocol = f"`{analysis['protocol']}`"
            points = f"{difference.mean:+.2f} ± {difference.half:.2f}"
            rows.append([analysis["name"], protocol, name, points, str(difference.n)])
    return rows


def luck_rows(results: Results) -> list[list[str]]:
    """What each search's choice among its finalists was worth on fresh seeds."""
    rows = []
    for choice in choices(results, Traces()):
        fresh = choice.fresh
        rows.append(
            [
                choice.name,
                f"`{choice.protocol}`",
                str(choice.best.k),
                f"{spread(choice.chosen.interval)} ({choice.chosen.interval.n})",
                choice.corrected.text,
                f"{spread(fresh.interval)} ({fresh.interval.n})" if fresh else "–",
            ]
        )
    return rows


Rows = tuple[Sequence[str], list[list[str]]]
# By mark, from the folder of results.
ANSWERS: dict[str, Callable[[Path], Rows]] = {
    "league": lambda path: league_rows(collect([path])),
    "typical": lambda path: (HEADS["typical"], typical_rows(collect([path]))),
    "worth": lambda path: (HEADS["worth"], worth_rows(collect([path]))),
    "hangs": lambda path: (HEADS["hangs"], hangs_rows(collect([path]))),
    "luck": lambda path: (HEADS["luck"], luck_rows(collect([path]))),
}
