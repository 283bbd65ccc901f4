"""Exhibits: a figure with the numbers behind it, for the page, as SVG and as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from analysis.figures.axes import svg
from reproduce.support.table import Table

PAGE_FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"


@dataclass(frozen=True)
class Exhibit:
    """A figure, what it shows in words, and its table.

    Attributes
    ----------
    key : str
        File name of its SVG and CSV, without the ending.
    alt : str
        What the figure shows, for those who do not see it.
    figure : Figure
    head : sequence of str
    rows : sequence of sequences of str, float, Number and Fact
    origin : int
        Place of the origin of all that the figure shows.
    """

    key: str
    alt: str
    figure: Figure
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    origin: int

    @cached_property
    def drawn(self) -> str:
        """The figure as SVG, with its text as text."""
        return svg(self.figure, text="none").decode()

    @property
    def inline(self) -> Markup:
        """The figure in the page's own ink, paper and fonts."""
        text = self.drawn[self.drawn.index("<svg") :]
        for ink, own in (("#000000", "currentColor"), ("fill: #ffffff", "fill: none")):
            text = text.replace(ink, own)
        text = re.sub(r"'DejaVu Sans'[^;\"]*", PAGE_FONT.replace("'", ""), text)
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        least = 0.95 * 72 * self.figure.get_figwidth()  # CSS pixels: below that text is too small
        most = 2 * least  # above that a small figure has letters like a headline's
        opening = _opening(self.alt, f"min-width: {least:.0f}px; --most: {most:.0f}px")
        text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', opening, text, count=1)
        return Markup(text)

    @property
    def table(self) -> Table:
        """The numbers behind the figure."""
        return Table(self.head, self.rows, self.alt)

    def csv(self) -> bytes:
        """The table as a file."""
        return self.table.csv()


def _opening(alt: str, style: str) -> str:
    label = Markup.escape(alt).replace("\\", "")
    links = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return rf'<svg {links} viewBox="\1" style="{style}" role="img" aria-label="{label}">'
