"""Figures: functions from records and analyses to `matplotlib.figure.Figure`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from reproduce.essay import comparison, draws, experiments
from reproduce.records import Record

NETWORKS = ("conv", "conv-shift1", "conv-shift2")
COLOURS = {"table": "#0072b2", "figures": "#d55e00"}
WIDTH = 0.14  # of a strip of dots, half


def svg(figure: Figure, text: str = "path") -> bytes:
    """The figure as SVG; equal figures give equal bytes.

    Text becomes outlines, or with `text="none"` stays text in the reader's fonts.
    """
    buffer = io.BytesIO()
    with literal(figure), mpl.rc_context({"svg.hashsalt": "supertrainer", "svg.fonttype": text}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


@contextmanager
def literal(figure: Figure) -> Iterator[None]:
    """Draw a figure's texts letter by letter: a name like `$x^{$` is no formula."""
    with mpl.rc_context({"text.parse_math": False}):  # for ticks, which are made when drawn
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        yield


def essay_spread(records: Sequence[Record]) -> Figure:
    """Every replicate of the essay's networks as a dot, the published numbers as lines.

    One panel for each size, RMNIST/1, /5 and /10; both draws.
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
    named: dict[str, Artist] = {}
    for axis in panels:
        handles, labels = axis.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=3)
    return figure


def _strip(axis: Axes, place: float, values: Sequence[float], draw: str) -> None:
    """Dots side by side in the order of their seeds, with their mean."""
    if not values:
        return
    across = place + np.linspace(-WIDTH, WIDTH, len(values)) if len(values) > 1 else [place]
    axis.scatter(across, values, s=9, alpha=0.6, color=COLOURS[draw], label=f"ours, {draw} draw")
    axis.hlines(np.mean(values), place - WIDTH, place + WIDTH, color=COLOURS[draw], lw=1.5)


def _published(axis: Axes, place: float, protocol: str, ipc: int) -> None:
    for number in experiments.published():
        if (number.protocol, number.ipc) == (protocol, ipc):
            axis.hlines(
                number.accuracy, place - 0.4, place + 0.4, color="black", ls="--", label="published"
            )


def bare(axis: Axes) -> None:
    """Leave out what frames a plot."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.25)


def named_below(figure: Figure, axis: Axes) -> None:
    """Put the legend below the plot, where it covers nothing however long it is."""
    handles, labels = axis.get_legend_handles_labels()
    columns = 2 if max(map(len, labels), default=0) > 24 else 3
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def panel(width: float = 7.2, height: float = 4.0) -> tuple[Figure, Axes]:
    """A figure of one plot, inches wide and high."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axis = figure.subplots()
    bare(axis)
    return figure, axis
