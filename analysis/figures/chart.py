"""A chart: a figure with the table of its numbers, for the page, as SVG and as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from analysis.figures.style import svg
from analysis.origins import Origins
from analysis.results import Analysis, Results
from analysis.sources import per_class
from reproduce.support.table import Table

PAGE_FONT = "system-ui, -apple-system, Segoe UI, sans-serif"


@dataclass(frozen=True)
class Chart:
    """A figure and the table of its numbers.

    Attributes
    ----------
    key : str
        File name of its SVG and CSV, without the ending.
    figure : Figure
    table : Table
        Its title says what the figure shows.
    origin : int
        Index of the origin of all that the figure shows.
    """

    key: str
    figure: Figure
    table: Table
    origin: int

    @property
    def alt(self) -> str:
        """What the figure shows, for readers who do not see it."""
        return self.table.title

    @cached_property
    def drawn(self) -> str:
        """The figure as SVG, with its text as text."""
        return svg(self.figure, text="none").decode()

    @property
    def inline(self) -> Markup:
        """The figure as an element of the page, in the page's colours and fonts."""
        text = self.drawn[self.drawn.index("<svg") :]
        for ink, own in (("#000000", "currentColor"), ("fill: #ffffff", "fill: none")):
            text = text.replace(ink, own)
        text = re.sub(r"'DejaVu Sans'[^;\"]*", PAGE_FONT, text)
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        return Markup(re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', self._opening, text, count=1))

    def _opening(self, match: re.Match[str]) -> str:
        """The element's opening tag. The figure keeps a size at which its letters can be read."""
        least = 0.95 * 72 * self.figure.get_figwidth()  # CSS pixels: below that text is too small
        most = 2 * least  # above that a small figure has letters like a headline's
        style = f"min-width: {least:.0f}px; --most: {most:.0f}px"
        links = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        label = Markup.escape(self.alt)
        return f'<svg {links} viewBox="{match[1]}" style="{style}" role="img" aria-label="{label}">'


def charts_by_budget(
    results: Results,
    origins: Origins,
    name: tuple[str, str],
    head: Sequence[str],
    rows_of: Callable[[Analysis], Iterable[Sequence[Any]]],
    draw: Callable[[list[Analysis]], Figure],
    shows: Callable[[Analysis], object] = lambda analysis: True,
) -> list[Chart]:
    """A chart of the analysed sets for each dataset and number of images per class.

    Parameters
    ----------
    results : Results
    origins : Origins
    name : (str, str)
        The beginning of the file name, and what the figure shows.
    head : sequence of str
        Of the table.
    rows_of : function from an analysis to rows of the table
    draw : function from analyses to a figure
    shows : function from an analysis to bool
        Which analyses the figure shows. Without any there is no chart.
    """
    charts = []
    for (source, ipc), analyses in results.analyses_by_budget().items():
        shown = list(filter(shows, analyses))
        if shown:
            title = f"{name[1]}, {per_class(ipc)}, {source.title}"
            table = Table(head, [row for analysis in shown for row in rows_of(analysis)], title)
            key = f"{name[0]}-{source.key}-{ipc:g}"
            charts.append(Chart(key, draw(shown), table, origins.analyses(shown)))
    return charts
