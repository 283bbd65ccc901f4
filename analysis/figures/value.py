"""Accuracy of random real images by their number, and where sets meet that curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.figures.chart import Chart
from analysis.figures.style import GREY, PALETTE, legend_below, panel
from analysis.tables.value import Comparison
from reproduce.support.text import safe_name


def value_charts(comparisons: Sequence[Comparison]) -> list[Chart]:
    """A chart for each curve of random sets."""
    return [
        Chart(
            f"value-{found.source.key}-{safe_name(found.protocol)}",
            random_curve(found),
            found.table(),
            found.origin,
        )
        for found in comparisons
    ]


def random_curve(found: Comparison) -> Figure:
    """The curve of random sets, with lines for the first of the sets that somebody made."""
    figure, axis = panel()
    sizes, means = found.sizes, [interval.mean for interval in found.intervals]
    axis.plot(sizes, means, color=GREY, marker="o", ms=4, label="random real images")
    low, high = ([getattr(one, end) for one in found.intervals] for end in ("low", "high"))
    axis.fill_between(sizes, low, high, color=GREY, alpha=0.18, lw=0)
    made = [value for value in found.values if value.made]
    for value, colour in zip(made, PALETTE, strict=False):
        n, mean = value.equivalent, value.accuracy.interval.mean
        reach = n if 0 < n < math.inf else sizes[-1] if n else sizes[0]
        axis.hlines(mean, sizes[0], reach, color=colour, lw=1.4, label=value.title)
        if 0 < n < math.inf:
            axis.vlines(n, min(means) - 3, mean, color=colour, lw=1, ls=":")
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axis.minorticks_off()
    axis.set_xlabel("random real images")
    axis.set_ylabel("accuracy, %")
    legend_below(figure, axis)
    return figure
