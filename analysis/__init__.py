"""Analysis: what super-trainers look like, and the report made from records."""

from analysis.plots import grid_png, grid_text
from analysis.report import write_report
from analysis.tables import score_rows

__all__ = ["grid_png", "grid_text", "score_rows", "write_report"]
