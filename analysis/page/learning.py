"""The page's sections on what sets teach, whether that transfers, and what they are worth. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures import charts
from analysis.figures.exhibits import Exhibit
from analysis.page.leaderboard import League, Row
from analysis.page.sections import by_budget, byte_tile, ordered, per_class
from analysis.results import Analysis, Results
from analysis.roles import MADE
from analysis.sources import Source
from analysis.statistics import Equivalent, equivalent_n, mean_interval
from analysis.trace import Fact, Number, Traces
from reproduce.support.names import safe_name

LINES = 8  # of the sets that are drawn beside the curve of random ones, the best
REFERENCE = "conv"  # the curve of random sets for scores under a candidate's own recipe


def lessons(results: Results, traces: Traces) -> list[tuple[Analysis, Exhibit, list[Any]]]:
    """For each analysed set its confusion matrix and the images most often got wrong."""
    found = []
    for analysis in ordered(results):
        counts = np.array(analysis["confusion"])
        source = results.source_of(analysis)
        names = [source.class_name(label) for label in range(len(counts))]
        exhibit = Exhibit(
            f"confusion-{analysis['candidate'][:6]}",
            f"Confusion matrix of networks trained on {analysis['name']}",
            charts.confusion(analysis, names),
            ["is \\ read as", *names],
            [[name, *row] for name, row in zip(names, counts.tolist(), strict=True)],
            traces.analyses([analysis]),
        )
        wrong = [
            {
                "index": image["index"],
                "label": names[image["label"]],
                "said": names[image["said"]],
                "tile": byte_tile(image["pixels"]),
            }
            for image in analysis["confused"]
        ]
        found.append((analysis, exhibit, wrong))
    return found


def learning(results: Results, traces: Traces) -> list[Exhibit]:
    """Learning curves, a figure for each budget."""
    exhibits = []
    for (source, ipc), analyses in by_budget(results).items():
        curves = [a for a in analyses if a["learning"]["steps"]]
        rows = [
            [charts.title_of(a), steps, Number(mean_interval(v), traces.analyses([a], v))]
            for a in curves
            for steps, v in zip(a["learning"]["steps"], a["learning"]["accuracies"], strict=True)
        ]
        if curves:
            exhibits.append(
                Exhibit(
                    f"learning-{source.key}-{ipc:g}",
                    f"Accuracy against training step, {per_class(ipc)}, {source.title}",
                    charts.learning_curves(curves),
                    ["set and protocol", "step", "accuracy, %"],
                    rows,
                    traces.analyses(curves),
                )
            )
    return exhibits


def sensitivity(results: Results, traces: Traces) -> list[Exhibit]:
    """What order, noise and rounding change, a figure for each budget."""
    exhibits = []
    for (source, ipc), analyses in by_budget(results).items():
        disturbed = [a for a in analyses if a["sensitivity"]]
        rows = [
            [
                charts.title_of(a),
                charts.change_name(change),
                Number(charts.paired_change(a, change), traces.analyses([a], change["accuracies"])),
            ]
            for a in disturbed
            for change in a["sensitivity"]
        ]
        if disturbed:
            exhibits.append(
                Exhibit(
                    f"sensitivity-{source.key}-{ipc:g}",
                    f"Change of accuracy under disturbances, {per_class(ipc)}, {source.title}",
                    charts.sensitivity(disturbed),
                    ["set and protocol", "change", "points"],
                    rows,
                    traces.analyses(disturbed),
                )
            )
    return exhibits


# --- Do they travel, and what are they worth ----------------------------------------------------


def transfer(leagues: Sequence[League], traces: Traces) -> list[Exhibit]:
    """Candidates by protocols, for each budget and split in which several were scored."""
    exhibits = []
    for league in leagues:
        for split in sorted({row.split for row in league.rows if row.kind != "published"}):
            rows = [r for r in league.rows if r.split == split and r.kind != "published"]
            protocols = [p for p in league.protocols if sum(p in row.cells for row in rows) > 1]
            own = [p for p in ("own",) if p not in protocols and any(p in r.cells for r in rows)]
            protocols = own + protocols
            rows = [row for row in rows if sum(p in row.cells for p in protocols) > 1]
            protocols = [p for p in protocols if any(p in row.cells for row in rows)]
            if len(rows) > 1 and len(protocols) > 1:
                exhibits.append(_transfer(league, split, rows, protocols, traces))
    return exhibits


def _transfer(
    league: League, split: str, rows: Sequence[Row], protocols: Sequence[str], traces: Traces
) -> Exhibit:
    names = [row.name + (" *" if row.lucky else "") for row in rows]
    cells = [[row.cells.get(p) for p in protocols] for row in rows]
    means = np.array([[c.interval.mean if c else math.nan for c in line] for line in cells])
    return Exhibit(
        f"transfer-{league.source.key}-{league.ipc:g}-{safe_name(split)}",
        f"Accuracy of sets of {per_class(league.ipc)} under other protocols, "
        f"{league.source.title}, {split}",
        charts.transfer(names, protocols, means, league.source.chance),
        ["set", *protocols],
        [[name, *(c or "–" for c in line)] for name, line in zip(names, cells, strict=True)],
        traces.joined([c.trace for line in cells for c in line if c]),
    )


def architectures(results: Results, traces: Traces) -> list[Exhibit]:
    """Distilled sets by networks other than theirs, for each data; none where not measured."""
    groups: dict[str, list[Analysis]] = {}
    for row in results.architectures:
        candidate = results.candidates.get(row["candidate"])
        if candidate:
            groups.setdefault(candidate.checksum, []).append(row)
    return [_architectures(results.sources[key], rows, traces) for key, rows in groups.items()]


def _architectures(source: Source, measured: Sequence[Analysis], traces: Traces) -> Exhibit:
    networks = list(measured[0]["accuracies"])
    numbers = [
        [
            Number(mean_interval(values), traces.analyses([row], values, network))
            for row, values in ((row, row["accuracies"][network]) for row in measured)
        ]
        for network in networks
    ]
    names = [row["name"] for row in measured]
    means = np.array([[number.interval.mean for number in line] for line in numbers])
    return Exhibit(
        f"architectures-{source.key}",
        f"Accuracy of distilled sets of {source.title} in other networks, by their own recipes",
        charts.transfer(networks, names, means, source.chance),
        ["network", *names],
        [[network, *line] for network, line in zip(networks, numbers, strict=True)],
        traces.analyses(measured),
    )


def worth(results: Results, leagues: Sequence[League], traces: Traces) -> list[Exhibit]:
    """How many random real images each set is worth, for each curve, on the curve's split."""
    exhibits = []
    for (checksum, protocol), curve in sorted(results.curves.items()):
        names = (protocol, "own") if protocol == REFERENCE else (protocol,)
        scored = [
            (row, name, row.cells[name])
            for league in leagues
            if league.source.checksum == checksum
            for row in league.rows
            if row.kind != "published" and row.split == curve["split"]
            for name in names
            if name in row.cells
        ]
        if scored and results.sources[checksum].classes:
            exhibits.append(_worth(results.sources[checksum], curve, scored, traces))
    return exhibits


def _worth(
    source: Source, curve: Analysis, scored: Sequence[tuple[Row, str, Number]], traces: Traces
) -> Exhibit:
    protocol, classes = curve["protocol"], len(source.classes)
    sizes, intervals = [classes * ipc for ipc in curve["ipc"]], charts.curve_intervals(curve)
    origin = traces.analyses([curve])
    rows, drawn = [], []
    for row, name, number in scored:
        equal = equivalent_n(sizes, intervals, number.interval)
        title = f"{row.name}, {name}, {row.scored_on}"
        words = Fact(in_words(equal), traces.joined([number.trace, origin]))
        rows.append([title, f"{classes * row.ipc:g}", number, words])
        if row.kind in MADE:
            drawn.append((title, equal.n, number.interval))
    return Exhibit(
        f"worth-{source.key}-{safe_name(protocol)}",
        f"Accuracy of random real images of {source.title} by their number under {protocol}, "
        "and where each candidate meets that curve",
        charts.random_curve(curve, sizes, drawn[:LINES]),
        ["set, protocol, split", "images", "accuracy, %", "as good as random images"],
        rows,
        origin,
    )


def in_words(equal: Equivalent) -> str:
    """An equivalent n with its interval; a bound where it lies outside the curve."""

    def one(n: float) -> str:
        return {0: "fewer than measured", math.inf: "more than measured"}.get(n, f"{n:.0f}")

    if equal.n == 0 or math.isinf(equal.n):
        return one(equal.n)
    return f"{one(equal.n)} ({one(equal.low)} to {one(equal.high)})"
