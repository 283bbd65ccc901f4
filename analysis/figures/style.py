"""What figures share: colours, axes, legends, and their bytes as SVG."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

PALETTE = ("#d55e00", "#2a7fbf", "#1d9a75", "#b565a7", "#c98a00", "#6b5fd0", "#b3433f", "#5aa9c9")
GREY = "#8a8f98"  # of random sets and of zero
HEAT, SIGNED = "magma", "RdBu_r"
# Text on heat maps. It is not quite black and white: the page replaces those by its own colours.
DARK, BRIGHT = "#010101", "#fefefe"


def colour(number: int) -> str:
    """The colour of the set with this number in a figure; after the last it starts again."""
    return PALETTE[number % len(PALETTE)]


def svg(figure: Figure, text: str = "path") -> bytes:
    """The figure as SVG. Equal figures give equal bytes.

    Text becomes outlines. With `text="none"` it stays text in the reader's fonts.
    """
    buffer = io.BytesIO()
    with literal(figure), mpl.rc_context({"svg.hashsalt": "supertrainer", "svg.fonttype": text}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


@contextmanager
def literal(figure: Figure) -> Iterator[None]:
    """Draw the figure's texts letter by letter, so that a name like `$x^{$` is no formula."""
    with mpl.rc_context({"text.parse_math": False}):  # for ticks, which are made when drawn
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        yield


def panel(width: float = 7.2, height: float = 4.0) -> tuple[Figure, Axes]:
    """A figure of one plot. Its width and height are in inches."""
    figure, axis = heat_panel(width, height)
    bare(axis)
    return figure, axis


def heat_panel(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of one heat map, with a frame and without a grid."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def bare(axis: Axes) -> None:
    """Remove the frame above and to the right, and draw a faint grid."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.25)


def legend(figure: Figure, panels: Sequence[Axes], **options: Any) -> None:
    """Draw one legend for all panels, with each label once."""
    named = {
        label: handle
        for axis in panels
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(named.values()), list(named), **options)


def legend_below(figure: Figure, axis: Axes) -> None:
    """Draw the legend below the plot, where it covers nothing however long it is."""
    handles, labels = axis.get_legend_handles_labels()
    columns = 2 if max(map(len, labels), default=0) > 24 else 3
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def class_ticks(axis: Axes, names: Sequence[str]) -> None:
    """Name the classes below a heat map. Long names are written upwards."""
    axis.set_xticks(range(len(names)), names)
    if max(map(len, names), default=0) > 2:
        axis.tick_params(axis="x", rotation=90)


def write_cells(
    axis: Axes, values: np.ndarray, words: Callable[[float], str], dark_from: float, size: int
) -> None:
    """Write the value of each cell into a heat map, dark on bright cells above `dark_from`."""
    for (row, column), value in np.ndenumerate(values):
        ink = DARK if value > dark_from else BRIGHT
        axis.text(column, row, words(value), ha="center", va="center", fontsize=size, c=ink)
