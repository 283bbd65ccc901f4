"""Pictures of accuracy over time: functions from the folder of results to `Figure`.

None where nothing has been measured yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from analysis.figures.style import bare, legend
from analysis.histories import histories
from analysis.tables.benchmarks import Benchmark, benchmarks

COLOURS = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
STRONG_FIRST = [*COLOURS[::2], *COLOURS[1::2]]  # ten strong colours, then their light variants
POINTS = 200  # of a mean curve


def search_methods(folder: Path) -> Figure | None:
    """Best score so far against seconds, each method's mean over repetitions."""
    benches = benchmarks(folder, "search-methods-ipc*")
    if not benches:
        return None
    figure, panels = _panels(len(benches))
    methods = dict.fromkeys(row["method"] for bench in benches for row in bench["rows"])
    for axis, bench in zip(panels, benches, strict=True):
        for method, colour in zip(methods, COLOURS, strict=False):
            curves = [row["curve"] for row in bench["rows"] if row["method"] == method]
            if curves:
                axis.plot(
                    *mean_curve(curves),
                    color=colour,
                    label=method,
                    marker="o",
                    ms=3,
                    markevery=[-1],
                )
        settings = bench["settings"]
        axis.set_title(f"{settings['ipc']} per class, {settings['protocol']}", fontsize=10)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_xlabel("seconds")
    panels[0].set_ylabel("best score so far, %")
    legend(figure, panels, loc="outside right center", frameon=False, fontsize=8)
    return figure


def mean_curve(curves: Sequence[Sequence[Sequence[float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean of step functions given as (time, value), from where all of them have begun."""
    begin = max(curve[0][0] for curve in curves)
    end = max(begin, *(curve[-1][0] for curve in curves))
    times = np.geomspace(max(begin, 1e-3), max(end, 1e-3), POINTS)
    values = [_step(np.array(curve), times) for curve in curves]
    return times, np.mean(values, axis=0)


def _step(curve: np.ndarray, times: np.ndarray) -> np.ndarray:
    places = np.searchsorted(curve[:, 0], times, side="right") - 1
    return np.asarray(curve[np.maximum(places, 0), 1])


def distill_methods(folder: Path, table: str = "methods") -> Figure | None:
    """Validation accuracy against minutes of each row of a table; those without a run as lines."""
    benches = benchmarks(folder, f"distill-{table}-ipc*")
    if not benches:
        return None
    figure, panels = _panels(len(benches))
    names = dict.fromkeys(row["name"] for bench in benches for row in bench["rows"])
    colours = dict(zip(names, cycle(STRONG_FIRST), strict=False))
    for axis, bench in zip(panels, benches, strict=True):
        for row in bench["rows"]:
            _over_minutes(axis, row, colours[row["name"]])
        axis.set_title(f"{bench['settings']['ipc']} per class", fontsize=10)
    panels[0].set_ylabel("accuracy on validation, %")
    legend(figure, panels, loc="outside right center", frameon=False, fontsize=8)
    return figure


def _over_minutes(axis: Axes, row: Benchmark, colour: str) -> None:
    seconds, accuracies = zip(*row["history"], strict=True)
    if len(seconds) == 1:
        axis.axhline(accuracies[0], color=colour, ls="--", label=row["name"])
    else:
        minutes = np.array(seconds) / 60
        axis.plot(minutes, accuracies, marker="o", ms=3, color=colour, label=row["name"])
    axis.set_xlabel("minutes")


def distill_runs(folder: Path) -> Figure | None:
    """Validation accuracy against minutes of each tracked run."""
    runs = list(histories(folder))
    if not runs:
        return None
    figure, (axis,) = _panels(1)
    for (name, content), colour in zip(runs, cycle(STRONG_FIRST), strict=False):
        history = [[entry["seconds"], entry["accuracy"]] for entry in content["history"]]
        _over_minutes(axis, {"name": name, "history": history}, colour)
    axis.set_ylabel("accuracy on validation, %")
    legend(figure, [axis], loc="outside right center", frameon=False, fontsize=8)
    return figure


def _panels(number: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(max(6.0, 4.6 * number), 4.4), layout="constrained")
    panels = [figure.add_subplot(1, number, place + 1) for place in range(number)]
    for axis in panels:
        bare(axis)
    return figure, panels
