"""Analysis: what super-trainers look like, how sure we are, and the page that shows it."""

from typing import TYPE_CHECKING

from reproduce.support.exports import exports

if TYPE_CHECKING:
    from analysis.figures.pictures import grid, grid_png, grid_text
    from analysis.page.report import write_report
    from analysis.results import Results, collect
    from analysis.statistics import best_of_k, equivalent_n, mean_interval
    from reproduce.summary import paired, score_rows

__all__ = [
    "Results",
    "best_of_k",
    "collect",
    "equivalent_n",
    "grid",
    "grid_png",
    "grid_text",
    "mean_interval",
    "paired",
    "score_rows",
    "write_report",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Results": ".results",
        "best_of_k": ".statistics",
        "collect": ".results",
        "equivalent_n": ".statistics",
        "grid": ".figures.pictures",
        "grid_png": ".figures.pictures",
        "grid_text": ".figures.pictures",
        "mean_interval": ".statistics",
        "paired": "reproduce.summary",
        "score_rows": "reproduce.summary",
        "write_report": ".page.report",
    },
)
