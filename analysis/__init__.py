"""Analysis: what super-trainers look like, how sure we are, and the page that shows it."""

from analysis.plots import grid, grid_png, grid_text
from analysis.report import write_report
from analysis.results import Results, collect
from analysis.statistics import best_of_k, equivalent_n, mean_interval, paired
from analysis.tables import score_rows

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
