"""A picture of what work costs as it grows: seconds above, memory below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from analysis.figures.style import GREY, bare, colour
from analysis.tables.benchmarks import Benchmark, benchmarks

GROWS = ("candidates", "images per class", "workers")


def scaling(folder: Path) -> Figure | None:
    """Seconds and MiB against what grows; a dashed line shows seconds in proportion to it.

    None where nothing has been measured yet.
    """
    found = benchmarks(folder, "scaling")
    if not found:
        return None
    (bench,) = found
    figure = Figure(figsize=(12, 5), layout="constrained")
    panels = figure.subplots(2, len(GROWS) + 1)
    for name, (above, below) in zip(GROWS, panels.T, strict=False):
        _scores(name, [row for row in bench["rows"] if row["what"] == name], above, below)
    _searches(bench["searches"], *panels[:, -1])
    for axis in panels.flat:
        bare(axis)
    for axis in panels[1]:
        axis.set_ylim(0, 1.1 * axis.get_ylim()[1])
    panels[0, 0].set_ylabel("seconds")
    panels[1, 0].set_ylabel("memory, MiB")
    return figure


def _scores(name: str, rows: Sequence[Benchmark], above: Axes, below: Axes) -> None:
    """What scores cost; the scales are logarithmic, so that a constant part shows as a bend."""
    sizes = [row["size"] for row in rows]
    seconds = [row["seconds"] for row in rows]
    power = -1 if name == "workers" else 1
    last = 0 if power < 0 else -1
    ideal = [seconds[last] * (size / sizes[last]) ** power for size in sizes]
    above.plot(sizes, ideal, color=GREY, ls="--", lw=1)
    above.plot(sizes, seconds, color=colour(1), marker="o", ms=4)
    above.set_yscale("log")
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    above.yaxis.set_major_formatter("{x:g}")  # without mathematical text, which SVG shows raw
    below.plot(sizes, [row["mib"] for row in rows], color=colour(1), marker="o", ms=4)
    for axis in (above, below):
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
        axis.minorticks_off()
    below.set_xlabel(name)


def _searches(searches: Sequence[Benchmark], above: Axes, below: Axes) -> None:
    """What searches cost, batch by batch; the scales are linear."""
    for number, one in enumerate(searches):
        sets, seconds, mib = zip(*one["curve"], strict=True)
        above.plot(sets, seconds, color=colour(number), label=one["method"])
        above.plot([0, sets[-1]], [0, seconds[-1]], color=GREY, ls="--", lw=1)
        below.plot(sets, mib, color=colour(number))
    above.legend(frameon=False)
    below.set_xlabel("sets of a search")
