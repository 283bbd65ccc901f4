"""The page's sections on what sets teach, whether that transfers, and what they are worth. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures import charts
from analysis.figures.exhibits import Exhibit
from analysis.measure import effects
from analysis.origins import Number, Origins
from analysis.page.sections import byte_tile, per_class
from analysis.results import Analysis, Results
from analysis.sources import Source
from analysis.statistics import mean_interval
from analysis.tables.leaderboard import Leaderboard, Row
from analysis.tables.value import HEAD, comparisons
from reproduce.support.text import safe_name


def lessons(results: Results, origins: Origins) -> list[tuple[Analysis, Exhibit, list[Any]]]:
    """For each analysed set its confusion matrix and the images most often got wrong."""
    found = []
    for analysis in results.ordered_analyses():
        counts = np.array(analysis["confusion"])
        source = results.source_of(analysis)
        names = [source.class_name(label) for label in range(len(counts))]
        exhibit = Exhibit(
            f"confusion-{results.file_names[analysis['candidate']]}",
            f"Confusion matrix of networks trained on {analysis['name']}",
            charts.confusion(analysis, names),
            ["is \\ read as", *names],
            [[name, *row] for name, row in zip(names, counts.tolist(), strict=True)],
            origins.analyses([analysis]),
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


def learning(results: Results, origins: Origins) -> list[Exhibit]:
    """Learning curves, a figure for each budget."""
    exhibits = []
    for (source, ipc), analyses in results.analyses_by_budget().items():
        curves = [a for a in analyses if a["learning"]["steps"]]
        rows = [
            [charts.title_of(a), steps, Number(mean_interval(v), origins.analyses([a], v))]
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
                    origins.analyses(curves),
                )
            )
    return exhibits


def sensitivity(results: Results, origins: Origins) -> list[Exhibit]:
    """What order, noise and rounding change, a figure for each budget."""
    exhibits = []
    for (source, ipc), analyses in results.analyses_by_budget().items():
        disturbed = [a for a in analyses if a["sensitivity"]]
        rows = [
            [
                charts.title_of(a),
                effects.change_name(change),
                Number(
                    effects.paired_change(a, change), origins.analyses([a], change["accuracies"])
                ),
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
                    origins.analyses(disturbed),
                )
            )
    return exhibits


# --- Do they travel, and what are they worth ----------------------------------------------------


def transfer(leaderboards: Sequence[Leaderboard], origins: Origins) -> list[Exhibit]:
    """Candidates by protocols, for each budget and split in which several were scored."""
    exhibits = []
    for board in leaderboards:
        for split in sorted({row.split for row in board.rows if row.kind != "published"}):
            rows = [r for r in board.rows if r.split == split and r.kind != "published"]
            protocols = [p for p in board.protocols if sum(p in row.cells for row in rows) > 1]
            own = [p for p in ("own",) if p not in protocols and any(p in r.cells for r in rows)]
            protocols = own + protocols
            rows = [row for row in rows if sum(p in row.cells for p in protocols) > 1]
            protocols = [p for p in protocols if any(p in row.cells for row in rows)]
            if len(rows) > 1 and len(protocols) > 1:
                exhibits.append(_transfer(board, split, rows, protocols, origins))
    return exhibits


def _transfer(
    board: Leaderboard, split: str, rows: Sequence[Row], protocols: Sequence[str], origins: Origins
) -> Exhibit:
    names = [row.name + (" *" if row.lucky else "") for row in rows]
    cells = [[row.cells.get(p) for p in protocols] for row in rows]
    means = np.array([[c.interval.mean if c else math.nan for c in line] for line in cells])
    return Exhibit(
        f"transfer-{board.source.key}-{board.ipc:g}-{safe_name(split)}",
        f"Accuracy of sets of {per_class(board.ipc)} under other protocols, "
        f"{board.source.title}, {split}",
        charts.transfer(names, protocols, means, board.source.chance),
        ["set", *protocols],
        [[name, *(c or "–" for c in line)] for name, line in zip(names, cells, strict=True)],
        origins.joined([c.origin for line in cells for c in line if c]),
    )


def architectures(results: Results, origins: Origins) -> list[Exhibit]:
    """Distilled sets by networks other than theirs, for each data; none where not measured."""
    groups: dict[str, list[Analysis]] = {}
    for row in results.architectures:
        candidate = results.candidates.get(row["candidate"])
        if candidate:
            groups.setdefault(candidate.checksum, []).append(row)
    return [_architectures(results.sources[key], rows, origins) for key, rows in groups.items()]


def _architectures(source: Source, measured: Sequence[Analysis], origins: Origins) -> Exhibit:
    networks = list(measured[0]["accuracies"])
    numbers = [
        [
            Number(mean_interval(values), origins.analyses([row], values, network))
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
        origins.analyses(measured),
    )


def value(results: Results, leaderboards: Sequence[Leaderboard], origins: Origins) -> list[Exhibit]:
    """How many random real images each set is worth, for each curve, on the curve's split."""
    return [
        Exhibit(
            f"value-{found.source.key}-{safe_name(found.protocol)}",
            f"Accuracy of random real images of {found.source.title} by their number under "
            f"{found.protocol}, and where each candidate meets that curve",
            charts.random_curve(found),
            HEAD,
            [one.row() for one in found.values],
            found.origin,
        )
        for found in comparisons(results, leaderboards, origins)
    ]
