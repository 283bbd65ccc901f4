"""Charts of candidates and of what was measured of them: functions to `Figure`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from analysis.figures.axes import named_below, panel
from analysis.figures.plots import by_class, shade
from analysis.measure.effects import change_name, paired_change
from analysis.results import Analysis
from analysis.sources import Source
from analysis.tables.value import Comparison
from reproduce.candidate import Candidate

PALETTE = ("#d55e00", "#2a7fbf", "#1d9a75", "#b565a7", "#c98a00", "#6b5fd0", "#b3433f", "#5aa9c9")
GREY = "#8a8f98"  # of random sets and of zero
HEAT, SIGNED = "magma", "RdBu_r"
TILES = 20  # images of a set that the map shows as images
TICKS = 40  # rows of a heat map that are named one by one; of more, the first of each class is
# On heat maps; not quite black and white, which the page turns into its own ink and paper.
DARK, BRIGHT = "#010101", "#fefefe"


def label_heat(candidate: Candidate, source: Source) -> Figure:
    """Learned labels as a heat map: a row for each image, a column for each class."""
    order = by_class(candidate)
    values = candidate.labels[order]
    rows = len(values)
    figure = Figure(figsize=(4.6, min(6.5, 0.24 * rows + 1.2)), layout="constrained")
    axis = figure.subplots()
    most = max(1.0, float(np.abs(values).max()))
    if values.min() < 0:  # scores: white is 0
        drawn = axis.imshow(values, cmap=SIGNED, vmin=-most, vmax=most, interpolation="none")
    else:
        drawn = axis.imshow(values, cmap=HEAT, vmin=0, vmax=most, interpolation="none")
    axis.set_aspect("auto")
    names = [source.class_name(label) for label in range(candidate.classes)]
    _class_ticks(axis, names)
    first = candidate.hard_labels()[order]
    named = np.arange(rows) if rows <= TICKS else np.unique(first, return_index=True)[1]
    shown = [source.class_name(int(label)) for label in first[named]]
    axis.set_yticks(named, shown, fontsize=7 if len(named) > 20 else 9)
    axis.set_xlabel("class")
    axis.set_ylabel("image, by its first class")
    figure.colorbar(drawn, label=candidate.label_scale)
    return figure


def _class_ticks(axis: Axes, names: Sequence[str]) -> None:
    """Name classes below; long names stand aslant."""
    axis.set_xticks(range(len(names)), names)
    if max(map(len, names), default=0) > 2:
        axis.tick_params(axis="x", rotation=90)


def class_colours(labels: Sequence[int]) -> list[Any]:
    """A colour for each label, the same for the same class; of many classes some are alike."""
    most = max(labels, default=0)
    if most < 20:
        colours = mpl.colormaps["tab10" if most < 10 else "tab20"].colors  # type: ignore[attr-defined]
        return [colours[label] for label in labels]
    return [mpl.colormaps["hsv"](label / (most + 1)) for label in labels]


def learning_rates(candidate: Candidate) -> Figure:
    """The learning rates that a candidate's recipe brings, step by step."""
    figure, axis = panel(5.2, 2.8)
    rates = candidate.recipe.learning_rates if candidate.recipe else ()
    axis.plot(range(1, len(rates) + 1), rates, marker="o", ms=3, color=PALETTE[0])
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("training step")
    axis.set_ylabel("learning rate")
    return figure


def where_they_lie(embedding: Analysis, source: Source, candidates: Sequence[Candidate]) -> Figure:
    """The map of training images with the candidates' images in it as tiles or rings."""
    figure = Figure(figsize=(8.4, 8.4), dpi=96, layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    background = embedding["background"]
    colours = class_colours(background["label"])
    axis.scatter(
        background["x"], background["y"], s=5, c=colours, alpha=0.35, lw=0, rasterized=True
    )
    for label in sorted(set(background["label"])):
        here = [i for i, other in enumerate(background["label"]) if other == label]
        x, y = (np.median(np.array(background[name])[here]) for name in "xy")
        name = source.class_name(label)
        size = 22 if len(name) < 3 else 11
        text = axis.text(x, y, name, fontsize=size, ha="center", va="center", alpha=0.55)
        text.set_fontweight("bold")
    for number, candidate in enumerate(candidates):
        places = embedding["sets"][candidate.hash]
        colour = PALETTE[number % len(PALETTE)]
        if len(candidate) <= TILES:
            _thumbnails(axis, candidate, places, colour)
        else:
            size = 30 if len(candidate) <= 100 else 12
            rings: dict[str, Any] = {"s": size, "c": "none", "lw": 1.2, "zorder": 4}
            axis.scatter(places["x"], places["y"], edgecolors=colour, **rings)
    axis.set_xlim(-0.03, 1.03)
    axis.set_ylim(-0.03, 1.03)
    axis.set_aspect("equal")
    handles = [
        Line2D(
            [],
            [],
            ls="",
            marker=_mark(candidate),
            mfc="none",
            mew=1.8,
            color=colour,
            label=candidate.name,
        )
        for candidate, colour in zip(candidates, PALETTE * len(candidates), strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _mark(candidate: Candidate) -> str:
    return "s" if len(candidate) <= TILES else "o"


def _thumbnails(axis: Axes, candidate: Candidate, places: Analysis, colour: str) -> None:
    side = 0.036
    for image, x, y in zip(candidate.images, places["x"], places["y"], strict=True):
        left, low = x - side / 2, y - side / 2
        extent = (left, left + side, low, low + side)
        axis.imshow(shade(image[0]), extent=extent, zorder=3, interpolation="none")
        frame = Rectangle((left, low), side, side, fill=False, ec=colour, lw=2, zorder=4)
        axis.add_patch(frame)


def learning_curves(analyses: Sequence[Analysis]) -> Figure:
    """Accuracy against training step, a line for each candidate: mean and range over networks."""
    figure, axis = panel()
    for number, analysis in enumerate(analyses):
        learning = analysis["learning"]
        values = np.array(learning["accuracies"])
        steps = np.array(learning["steps"]) + 1  # a logarithmic axis has no 0
        colour = PALETTE[number % len(PALETTE)]
        axis.plot(steps, values.mean(1), color=colour, label=title_of(analysis))
        axis.fill_between(steps, values.min(1), values.max(1), color=colour, alpha=0.15, lw=0)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_xlabel("training steps + 1")
    axis.set_ylabel("accuracy, %")
    axis.set_ylim(0, 100)
    named_below(figure, axis)
    return figure


def title_of(analysis: Analysis) -> str:
    """A candidate and how it was trained on."""
    return f"{analysis['name']}, {analysis['protocol']}"


def confusion(analysis: Analysis, names: Sequence[str]) -> Figure:
    """What is taken for what: shares of each true class, in percent."""
    counts = np.array(analysis["confusion"], float)
    shares = 100 * counts / counts.sum(1, keepdims=True)
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares, cmap=HEAT, vmin=0, vmax=100, interpolation="none")
    for (row, column), share in np.ndenumerate(shares):
        if share >= 1:
            colour = DARK if share > 60 else BRIGHT
            axis.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=7, c=colour)
    _class_ticks(axis, names)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("read as")
    axis.set_ylabel("is")
    return figure


def sensitivity(analyses: Sequence[Analysis]) -> Figure:
    """The change of accuracy, paired by seed, that each kind of disturbance brings."""
    figure, axis = panel(7.2, 3.8)
    changes = [change for analysis in analyses for change in analysis["sensitivity"]]
    kinds = list(dict.fromkeys(map(change_name, changes)))
    offsets = np.linspace(-0.25, 0.25, len(analyses)) if len(analyses) > 1 else [0.0]
    for number, (analysis, offset) in enumerate(zip(analyses, offsets, strict=True)):
        found = [paired_change(analysis, change) for change in analysis["sensitivity"]]
        axis.errorbar(
            [kinds.index(change_name(c)) + offset for c in analysis["sensitivity"]],
            [interval.mean for interval in found],
            yerr=[0 if math.isnan(interval.half) else interval.half for interval in found],
            fmt="o",
            ms=4,
            lw=1.2,
            color=PALETTE[number % len(PALETTE)],
            label=title_of(analysis),
        )
    axis.axhline(0, lw=0.8, color=GREY)
    axis.set_xticks(range(len(kinds)), kinds, rotation=25, ha="right", fontsize=8)
    axis.set_ylabel("points of accuracy")
    named_below(figure, axis)
    return figure


def random_curve(found: Comparison) -> Figure:
    """Accuracy of random sets by number of images, and where the first made sets meet the curve."""
    figure, axis = panel()
    sizes, means = found.sizes, [interval.mean for interval in found.intervals]
    axis.plot(sizes, means, color=GREY, marker="o", ms=4, label="random real images")
    ends = [[getattr(interval, end) for interval in found.intervals] for end in ("low", "high")]
    axis.fill_between(sizes, ends[0], ends[1], color=GREY, alpha=0.18, lw=0)
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
    named_below(figure, axis)
    return figure


def transfer(
    names: Sequence[str], protocols: Sequence[str], means: np.ndarray, least: float
) -> Figure:
    """Candidates by protocols: mean accuracy in percent, NaN where there is no score.

    The darkest colour is `least`, what guessing gets.
    """
    figure = Figure(
        figsize=(1.9 + 0.75 * len(protocols), 1.2 + 0.42 * len(names)), layout="constrained"
    )
    axis = figure.subplots()
    shown = np.ma.masked_invalid(means)
    axis.imshow(shown, cmap=HEAT, vmin=least, vmax=100, aspect="auto", interpolation="none")
    for (row, column), mean in np.ndenumerate(means):
        if not math.isnan(mean):
            colour = DARK if mean > 65 else BRIGHT
            axis.text(column, row, f"{mean:.1f}", ha="center", va="center", fontsize=8, c=colour)
    axis.set_xticks(range(len(protocols)), protocols, rotation=30, ha="right", fontsize=9)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    axis.spines[:].set_visible(False)
    return figure


def typicality(analyses: Sequence[Analysis]) -> Figure:
    """How extreme each image of each candidate is within its class, a row for each candidate.

    0: nearer to the class's mean than every training image; 100: farther than every one.
    """
    figure, axis = panel(7.2, 0.9 + 0.5 * len(analyses))
    for number, analysis in enumerate(analyses):
        values = 100 * np.array(analysis["extremity"])
        colour = PALETTE[number % len(PALETTE)]
        axis.scatter(values, np.full(len(values), -number), s=42, alpha=0.6, color=colour, lw=0)
    axis.set_yticks([-n for n in range(len(analyses))], [a["name"] for a in analyses], fontsize=9)
    axis.set_ylim(0.6 - len(analyses), 0.4)
    axis.set_xlim(-2, 102)
    axis.set_xlabel("share of its class that is more typical, %")
    axis.grid(axis="x", alpha=0.25)
    axis.grid(axis="y", visible=False)
    return figure
