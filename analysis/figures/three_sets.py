"""The picture on the first screen of the README: three sets of ten images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.pictures import by_class, shade
from analysis.tables.headline import DISTILLED, PROTOCOL, SEARCHED, ten_images
from reproduce.candidate import Candidate

# Rows of the picture: a candidate file in results, its name in the records of test, its protocol.
ROWS = {
    "Ten images drawn at random": (
        "measures/rmnist-1-table-5d0571.npz",
        "RMNIST/1 figures",
        PROTOCOL,
    ),
    "Ten images found by search": (f"sets/{SEARCHED}.npz", SEARCHED, PROTOCOL),
    "Ten images made by distillation": (f"sets/{DISTILLED}.npz", DISTILLED, "own"),
}


def three_sets(results: Path) -> Figure:
    """The essay's ten images, ten found by search, and ten made by distillation, row by row."""
    figure = Figure(figsize=(8, 2.75), layout="constrained")
    rows: Any = figure.subfigures(len(ROWS), 1)
    for row, (title, (file, name, protocol)) in zip(rows, ROWS.items(), strict=True):
        mean = ten_images(results, name, protocol).summary.mean
        _draw(row.subplots(1, 10), Candidate.load(results / file))
        row.suptitle(f"{title}: {mean:.1f} % of the test digits are read correctly", fontsize=9)
    return figure


def _draw(axes: np.ndarray, candidate: Candidate) -> None:
    for axis, position in zip(axes, by_class(candidate), strict=True):
        axis.imshow(shade(candidate.images[position, 0]))
        axis.axis("off")
