"""Where the images of sets lie among real ones: on a map, and within their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from analysis.figures.chart import Chart, charts_by_budget
from analysis.figures.pictures import shade
from analysis.figures.style import colour, panel
from analysis.origins import Origins
from analysis.results import Analysis, Results
from analysis.sources import Source, per_class
from reproduce.candidate import Candidate
from reproduce.support.table import Table

TILES = 20  # images of a set that the map shows as images
SIDE = 0.036  # of such an image, in units of the map


def map_charts(results: Results, origins: Origins) -> list[Chart]:
    """Maps of training images with the analysed sets in them, a chart for each size."""
    charts = []
    for (source, ipc), analyses in results.analyses_by_budget().items():
        found = results.maps.get(source.checksum, {"sets": {}})
        hashes = [a["candidate"] for a in analyses if a["candidate"] in found["sets"]]
        sets = [results.candidates[key] for key in hashes]
        if sets:
            title = f"Map of training images of {source.title}, sets of {per_class(ipc)} in it"
            rows = [row for candidate in sets for row in _points(found, source, candidate)]
            charts.append(
                Chart(
                    f"map-{source.key}-{ipc:g}",
                    embedding_map(found, source, sets),
                    Table(["set", "class", "x", "y"], rows, title),
                    origins.analyses([found]),
                )
            )
    return charts


def _points(found: Analysis, source: Source, candidate: Candidate) -> list[list[Any]]:
    points = found["sets"][candidate.hash]
    return [
        [candidate.name, source.class_name(label), x, y]
        for x, y, label in zip(points["x"], points["y"], points["label"], strict=True)
    ]


def embedding_map(found: Analysis, source: Source, sets: Sequence[Candidate]) -> Figure:
    """Training images as dots, and the images of sets as tiles, or of large sets as rings."""
    figure = Figure(figsize=(8.4, 8.4), dpi=96, layout="constrained")
    axis = figure.subplots()
    axis.set_axis_off()
    _draw_background(axis, found["background"], source)
    for number, candidate in enumerate(sets):
        _draw_set(axis, candidate, found["sets"][candidate.hash], colour(number))
    axis.set_xlim(-0.03, 1.03)
    axis.set_ylim(-0.03, 1.03)
    axis.set_aspect("equal")
    handles = [_handle(candidate, colour(number)) for number, candidate in enumerate(sets)]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw_background(axis: Axes, points: Analysis, source: Source) -> None:
    """Training images as dots, and the name of each class at their median."""
    x, y, labels = (np.array(points[name]) for name in ("x", "y", "label"))
    axis.scatter(x, y, s=5, c=class_colours(labels.tolist()), alpha=0.35, lw=0, rasterized=True)
    for label in np.unique(labels):
        name = source.class_name(int(label))
        left, up = (float(np.median(values[labels == label])) for values in (x, y))
        size = 22 if len(name) < 3 else 11
        style: dict[str, Any] = {"fontsize": size, "fontweight": "bold", "alpha": 0.55}
        axis.text(left, up, name, ha="center", va="center", **style)


def class_colours(labels: Sequence[int]) -> list[Any]:
    """A colour for each label. Where there are many classes, some colours are alike."""
    most = max(labels, default=0)
    if most < 20:
        colours = mpl.colormaps["tab10" if most < 10 else "tab20"].colors  # type: ignore[attr-defined]
        return [colours[label] for label in labels]
    return [mpl.colormaps["hsv"](label / (most + 1)) for label in labels]


def _draw_set(axis: Axes, candidate: Candidate, points: Analysis, edge: str) -> None:
    if len(candidate) > TILES:
        size = 30 if len(candidate) <= 100 else 12
        rings: dict[str, Any] = {"s": size, "c": "none", "lw": 1.2, "zorder": 4}
        axis.scatter(points["x"], points["y"], edgecolors=edge, **rings)
        return
    for image, x, y in zip(candidate.images, points["x"], points["y"], strict=True):
        left, low = x - SIDE / 2, y - SIDE / 2
        extent = (left, left + SIDE, low, low + SIDE)
        axis.imshow(shade(image[0]), extent=extent, zorder=3, interpolation="none")
        axis.add_patch(Rectangle((left, low), SIDE, SIDE, fill=False, ec=edge, lw=2, zorder=4))


def _handle(candidate: Candidate, edge: str) -> Line2D:
    """The sign of a set in the legend: a tile or a ring."""
    mark = "s" if len(candidate) <= TILES else "o"
    ring: dict[str, Any] = {"ls": "", "marker": mark, "mfc": "none", "mew": 1.8}
    return Line2D([], [], color=edge, label=candidate.name, **ring)


def typicality_charts(results: Results, origins: Origins) -> list[Chart]:
    """How extreme each image of the analysed sets is, a chart for each size."""

    def rows(analysis: Analysis) -> list[list[Any]]:
        shares = enumerate(analysis["extremity"])
        return [[analysis["name"], n, f"{100 * share:.2f}"] for n, share in shares]

    name = ("typicality", "How extreme each image is within its class")
    head = ["set", "image", "more typical in its class, %"]
    return charts_by_budget(results, origins, name, head, rows, typicality)


def typicality(analyses: Sequence[Analysis]) -> Figure:
    """How extreme each image of each set is within its class, a row for each set.

    0: the image is nearer to the mean of its class than every training image; 100: farther away.
    """
    figure, axis = panel(7.2, 0.9 + 0.5 * len(analyses))
    for number, analysis in enumerate(analyses):
        values = 100 * np.array(analysis["extremity"])
        dots: dict[str, Any] = {"s": 42, "alpha": 0.6, "color": colour(number), "lw": 0}
        axis.scatter(values, np.full(len(values), -number), **dots)
    axis.set_yticks([-n for n in range(len(analyses))], [a["name"] for a in analyses], fontsize=9)
    axis.set_ylim(0.6 - len(analyses), 0.4)
    axis.set_xlim(-2, 102)
    axis.set_xlabel("share of its class that is more typical, %")
    axis.grid(axis="x", alpha=0.25)
    axis.grid(axis="y", visible=False)
    return figure
