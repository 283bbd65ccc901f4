"""Accuracy of sets under protocols and in networks that they were not made for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.chart import Chart
from analysis.figures.style import HEAT, heat_panel, write_cells
from analysis.origins import Number, Origins
from analysis.results import Analysis, Results
from analysis.sources import Source, per_class
from analysis.statistics import mean_interval
from analysis.tables.leaderboard import Leaderboard, Row
from reproduce.summary import grouped
from reproduce.support.table import Table
from reproduce.support.text import safe_name


def transfer_charts(boards: Sequence[Leaderboard], origins: Origins) -> list[Chart]:
    """Sets by protocols, for each size and split in which several were scored."""
    charts = []
    for board in boards:
        ours = [row for row in board.rows if row.kind != "published"]
        for split in sorted({row.split for row in ours}):
            rows, protocols = _shared([row for row in ours if row.split == split], board.protocols)
            if len(rows) > 1 and len(protocols) > 1:
                charts.append(_transfer_chart(board, split, rows, protocols, origins))
    return charts


def _shared(rows: Sequence[Row], names: Iterable[str]) -> tuple[list[Row], list[str]]:
    """Protocols of several sets and sets of several protocols; `own` may be of one set alone."""
    count = {name: sum(name in row.cells for row in rows) for name in names}
    protocols = [name for name, n in count.items() if n > 1 or (n and name == "own")]
    kept = [row for row in rows if sum(name in row.cells for name in protocols) > 1]
    return kept, [name for name in protocols if any(name in row.cells for row in kept)]


def _transfer_chart(
    board: Leaderboard, split: str, rows: Sequence[Row], protocols: Sequence[str], origins: Origins
) -> Chart:
    names = [row.name + (" *" if row.lucky else "") for row in rows]
    cells = [[row.cells.get(name) for name in protocols] for row in rows]
    title = f"Accuracy of sets of {per_class(board.ipc)} under other protocols"
    table = Table(
        ["set", *protocols],
        [[name, *(cell or "–" for cell in line)] for name, line in zip(names, cells, strict=True)],
        f"{title}, {board.source.title}, {split}",
    )
    return Chart(
        f"transfer-{board.source.key}-{board.ipc:g}-{safe_name(split)}",
        transfer(names, protocols, cells, board.source.chance),
        table,
        origins.joined([cell.origin for line in cells for cell in line if cell]),
    )


def architecture_charts(results: Results, origins: Origins) -> list[Chart]:
    """Distilled sets in networks other than theirs, for each dataset; none where not measured."""
    known = [row for row in results.architectures if row["candidate"] in results.candidates]
    groups = grouped(known, lambda row: results.candidates[row["candidate"]].checksum)
    return [_architectures(results.sources[key], rows, origins) for key, rows in groups.items()]


def _architectures(source: Source, measured: Sequence[Analysis], origins: Origins) -> Chart:
    def number(row: Analysis, network: str) -> Number:
        values = row["accuracies"][network]
        return Number(mean_interval(values), origins.analyses([row], values, network))

    networks, names = list(measured[0]["accuracies"]), [row["name"] for row in measured]
    numbers = [[number(row, network) for row in measured] for network in networks]
    title = f"Accuracy of distilled sets of {source.title} in other networks, by their own recipes"
    rows = [[network, *line] for network, line in zip(networks, numbers, strict=True)]
    return Chart(
        f"architectures-{source.key}",
        transfer(networks, names, numbers, source.chance),
        Table(["network", *names], rows, title),
        origins.analyses(measured),
    )


def transfer(
    names: Sequence[str],
    columns: Sequence[str],
    numbers: Sequence[Sequence[Number | None]],
    least: float,
) -> Figure:
    """Mean accuracy in percent, in rows and columns; empty where there is no score.

    The darkest colour is `least`, what guessing gets.
    """
    means = np.array([[n.interval.mean if n else math.nan for n in line] for line in numbers])
    figure, axis = heat_panel(1.9 + 0.75 * len(columns), 1.2 + 0.42 * len(names))
    shown = np.ma.masked_invalid(means)
    axis.imshow(shown, cmap=HEAT, vmin=least, vmax=100, aspect="auto", interpolation="none")
    write_cells(axis, means, lambda mean: "" if math.isnan(mean) else f"{mean:.1f}", 65, 8)
    axis.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize=9)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.spines[:].set_visible(False)
    return figure
