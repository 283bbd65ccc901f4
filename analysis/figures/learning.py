"""Learning curves of sets, and how much their accuracy changes when the sets are changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from analysis.figures.chart import Chart, charts_by_budget
from analysis.figures.style import GREY, colour, legend_below, panel
from analysis.measure.effects import change_name, paired_change
from analysis.origins import Number, Origins
from analysis.results import Analysis, Results
from analysis.statistics import mean_interval


def title_of(analysis: Analysis) -> str:
    """A set and the protocol that it was trained under."""
    return f"{analysis['name']}, {analysis['protocol']}"


def learning_charts(results: Results, origins: Origins) -> list[Chart]:
    """Learning curves of the analysed sets, a chart for each size."""

    def rows(analysis: Analysis) -> list[list[object]]:
        learning = analysis["learning"]
        return [
            [title_of(analysis), steps, Number(mean_interval(v), origins.analyses([analysis], v))]
            for steps, v in zip(learning["steps"], learning["accuracies"], strict=True)
        ]

    name = ("learning", "Accuracy against training step")
    head = ["set and protocol", "step", "accuracy, %"]
    return charts_by_budget(
        results, origins, name, head, rows, learning_curves, lambda a: a["learning"]["steps"]
    )


def learning_curves(analyses: Sequence[Analysis]) -> Figure:
    """Accuracy against training step, a line for each set: mean and range over networks."""
    figure, axis = panel()
    for number, analysis in enumerate(analyses):
        values = np.array(analysis["learning"]["accuracies"])
        steps = np.array(analysis["learning"]["steps"]) + 1  # a logarithmic axis has no 0
        axis.plot(steps, values.mean(1), color=colour(number), label=title_of(analysis))
        band: dict[str, Any] = {"color": colour(number), "alpha": 0.15, "lw": 0}
        axis.fill_between(steps, values.min(1), values.max(1), **band)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_xlabel("training steps + 1")
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, 100)
    legend_below(figure, axis)
    return figure


def sensitivity_charts(results: Results, origins: Origins) -> list[Chart]:
    """What order, batches, noise and rounding change, a chart for each size."""

    def rows(analysis: Analysis) -> list[list[object]]:
        return [
            [
                title_of(analysis),
                change_name(change),
                Number(
                    paired_change(analysis, change),
                    origins.analyses([analysis], change["accuracies"]),
                ),
            ]
            for change in analysis["sensitivity"]
        ]

    name = ("sensitivity", "Change of accuracy under disturbances")
    head = ["set and protocol", "change", "points"]
    return charts_by_budget(
        results, origins, name, head, rows, sensitivity, lambda a: a["sensitivity"]
    )


def sensitivity(analyses: Sequence[Analysis]) -> Figure:
    """The change of accuracy under each disturbance, paired by seed, with its 95 % interval."""
    figure, axis = panel(7.2, 3.8)
    changes = [change for analysis in analyses for change in analysis["sensitivity"]]
    names = list(dict.fromkeys(map(change_name, changes)))
    offsets = np.linspace(-0.25, 0.25, len(analyses)) if len(analyses) > 1 else [0.0]
    for number, (analysis, offset) in enumerate(zip(analyses, offsets, strict=True)):
        found = [paired_change(analysis, change) for change in analysis["sensitivity"]]
        axis.errorbar(
            [names.index(change_name(change)) + offset for change in analysis["sensitivity"]],
            [interval.mean for interval in found],
            yerr=[0 if math.isnan(interval.half) else interval.half for interval in found],
            fmt="o",
            ms=4,
            lw=1.2,
            color=colour(number),
            label=title_of(analysis),
        )
    axis.axhline(0, lw=0.8, color=GREY)
    axis.set_xticks(range(len(names)), names, rotation=25, ha="right", fontsize=8)
    axis.set_ylabel("points of accuracy")
    legend_below(figure, axis)
    return figure
