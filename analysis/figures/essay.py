"""The essay's networks: every replicate of ours beside the published numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.chart import Chart
from analysis.figures.style import bare, legend
from analysis.origins import Fact, Origins, number_of
from reproduce.essay import comparison, draws, experiments
from reproduce.records import Record
from reproduce.support.table import Table

NETWORKS = ("conv", "conv-shift1", "conv-shift2")
COLOURS = {"table": "#0072b2", "figures": "#d55e00"}
WIDTH = 0.14  # of a strip of dots, half
SOURCE = ("Michael Nielsen, Reduced MNIST", "one run on the 10,000 validation images")


def essay_chart(records: Sequence[Record], origins: Origins) -> Chart | None:
    """The published numbers with ours beside them; None where no record answers any."""
    full = comparison.full_records(records)
    rows = []
    for cell in comparison.compare_draws(full):
        number = cell.published
        ours = comparison.of_draw(full, number.protocol, number.ipc, cell.draw)
        name = f"RMNIST/{number.ipc}" if number.ipc else "MNIST"
        published = Fact(f"{number.accuracy:.2f}", origins.published(*SOURCE))
        draw = cell.draw if cell.draw and number.ipc > 1 else "–"
        mine = number_of(ours, origins)
        rows.append([name, draw, number.protocol, published, mine, cell.verdict])
    if not rows:
        return None
    head = ["set", "draw", "protocol", "published, %", "ours, %", "verdict"]
    title = "Replicates of the essay's networks as dots, published numbers as lines"
    return Chart("essay", essay_spread(full), Table(head, rows, title), origins.records(full))


def essay_spread(records: Sequence[Record]) -> Figure:
    """Every replicate of the essay's networks as a dot, the published numbers as lines.

    There is one panel for each size, RMNIST/1, /5 and /10, with both draws.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    full = comparison.full_records(records)
    panels = figure.subplots(1, len(draws.ESSAY_SIZES))
    for axis, ipc in zip(panels, draws.ESSAY_SIZES, strict=True):
        for place, protocol in enumerate(NETWORKS):
            # Both draws have the same ten images.
            shown = (("figures", 0.0),) if ipc == 1 else (("table", -0.2), ("figures", 0.2))
            for draw, side in shown:
                ours = comparison.of_draw(full, protocol, ipc, draw)
                _strip(axis, place + side, [record["accuracy"] for record in ours], draw)
            _published(axis, place, protocol, ipc)
        axis.set_title(f"RMNIST/{ipc}")
        axis.set_xticks(range(len(NETWORKS)), NETWORKS, fontsize=8)
        axis.set_xlim(-0.5, len(NETWORKS) - 0.5)
        bare(axis)
    panels[0].set_ylabel("accuracy on validation, %")
    legend(figure, panels, loc="outside lower center", ncols=3)
    return figure


def _strip(axis: Axes, place: float, values: Sequence[float], draw: str) -> None:
    """Dots side by side in the order of their seeds, with their mean."""
    if not values:
        return
    across = place + np.linspace(-WIDTH, WIDTH, len(values)) if len(values) > 1 else [place]
    axis.scatter(across, values, s=9, alpha=0.6, color=COLOURS[draw], label=f"ours, {draw} draw")
    axis.hlines(np.mean(values), place - WIDTH, place + WIDTH, color=COLOURS[draw], lw=1.5)


def _published(axis: Axes, place: float, protocol: str, ipc: int) -> None:
    line: dict[str, Any] = {"color": "black", "ls": "--", "label": "published"}
    for number in experiments.published():
        if (number.protocol, number.ipc) == (protocol, ipc):
            axis.hlines(number.accuracy, place - 0.4, place + 0.4, **line)
