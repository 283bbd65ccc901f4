"""Confusion matrices of networks trained on the analysed sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.chart import Chart
from analysis.figures.style import HEAT, class_ticks, heat_panel, write_cells
from analysis.origins import Origins
from analysis.results import Analysis, Results
from reproduce.support.table import Table


def confusion_charts(results: Results, origins: Origins) -> dict[str, Chart]:
    """The confusion matrix of each analysed set, by the hash of the set."""
    charts = {}
    for analysis in results.ordered_analyses():
        counts, source = analysis["confusion"], results.source_of(analysis)
        names = [source.class_name(label) for label in range(len(counts))]
        title = f"Confusion matrix of networks trained on {analysis['name']}"
        rows = [[name, *row] for name, row in zip(names, counts, strict=True)]
        charts[analysis["candidate"]] = Chart(
            f"confusion-{results.file_names[analysis['candidate']]}",
            confusion(analysis, names),
            Table(["is \\ read as", *names], rows, title),
            origins.analyses([analysis]),
        )
    return charts


def confusion(analysis: Analysis, names: Sequence[str]) -> Figure:
    """The share of each true class, in percent, that is read as each class."""
    counts = np.array(analysis["confusion"], float)
    shares = 100 * counts / counts.sum(1, keepdims=True)
    figure, axis = heat_panel(4.6, 4.4)
    axis.imshow(shares, cmap=HEAT, vmin=0, vmax=100, interpolation="none")
    write_cells(axis, shares, lambda share: f"{share:.0f}" if share >= 1 else "", 60, 7)
    class_ticks(axis, names)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("read as")
    axis.set_ylabel("is")
    return figure
