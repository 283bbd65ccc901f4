"""What a distilled set has learned beside its images: soft labels and learning rates."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.chart import Chart
from analysis.figures.pictures import by_class, start_classes
from analysis.figures.style import HEAT, PALETTE, SIGNED, class_ticks, heat_panel, panel
from analysis.origins import Origins
from analysis.results import Results
from analysis.sources import Source
from reproduce.candidate import Candidate
from reproduce.support.table import Table

TICKS = 40  # rows that are all named; of more rows, the first of each class is


def learned_charts(results: Results, candidate: Candidate, origins: Origins) -> list[Chart]:
    """Learned labels and learned rates of a set, where it has any."""
    name, source = results.file_names[candidate.hash], results.sources[candidate.checksum]
    origin = origins.candidate(candidate, results.paths[candidate.hash])
    charts = []
    if candidate.label_scale != "class":
        head = ["image", *map(source.class_name, range(candidate.classes))]
        values = candidate.labels[by_class(candidate)]
        rows = [[n, *(f"{value:.4f}" for value in row)] for n, row in enumerate(values)]
        table = Table(head, rows, f"Learned labels of {candidate.name}: images by classes")
        charts.append(Chart(f"labels-{name}", labels(candidate, source), table, origin))
    if candidate.recipe and candidate.recipe.learning_rates:
        listed = enumerate(candidate.recipe.learning_rates, 1)
        title = f"Learned learning rates of {candidate.name}, step by step"
        table = Table(["step", "learning rate"], [[n, f"{rate:.5f}"] for n, rate in listed], title)
        charts.append(Chart(f"rates-{name}", learning_rates(candidate), table, origin))
    return charts


def labels(candidate: Candidate, source: Source) -> Figure:
    """Soft labels as a heat map: a row for each image, a column for each class."""
    order = by_class(candidate)
    values, first = candidate.labels[order], start_classes(candidate)[order]
    figure, axis = heat_panel(4.6, min(6.5, 0.24 * len(values) + 1.2))
    most = max(1.0, float(np.abs(values).max()))
    colours, least = (SIGNED, -most) if values.min() < 0 else (HEAT, 0.0)
    drawn = axis.imshow(
        values, cmap=colours, vmin=least, vmax=most, interpolation="none", aspect="auto"
    )
    class_ticks(axis, [source.class_name(label) for label in range(candidate.classes)])
    rows = len(values)
    named = np.arange(rows) if rows <= TICKS else np.unique(first, return_index=True)[1]
    shown = [source.class_name(int(label)) for label in first[named]]
    axis.set_yticks(named, shown, fontsize=7 if len(named) > 20 else 9)
    axis.set_xlabel("class")
    axis.set_ylabel("image, by the class it started from")
    figure.colorbar(drawn, label=candidate.label_scale)
    return figure


def learning_rates(candidate: Candidate) -> Figure:
    """The learning rates of a candidate's recipe, step by step."""
    figure, axis = panel(5.2, 2.8)
    rates = candidate.recipe.learning_rates if candidate.recipe else ()
    axis.plot(range(1, len(rates) + 1), rates, marker="o", ms=3, color=PALETTE[0])
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("training step")
    axis.set_ylabel("learning rate")
    return figure
