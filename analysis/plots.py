"""Pictures: a grid of any candidate, as PNG and as text."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reproduce.candidate import Candidate

SHADES = " ░▒▓█"
COLUMNS = 10


def grid_png(candidate: Candidate, most: int = 100) -> bytes:
    """The candidate's images in rows of ten, ink dark, as PNG.

    Images are sorted by class. Synthetic images may leave 0..1: the grey scale then spans their
    range, which the title states. Soft labels show the first class and its probability.
    """
    order = np.argsort(candidate.hard_labels(), kind="stable")[:most]
    columns = min(COLUMNS, len(order))
    rows = -(-len(order) // columns)
    low, high = _range(candidate.images)
    figure = Figure(figsize=(columns * 0.9, rows * 1.05 + 0.5), dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, position in zip(axes, order, strict=False):
        axis.imshow(candidate.images[position, 0], cmap="gray_r", vmin=low, vmax=high)
        axis.set_title(_label(candidate, int(position)), fontsize=8)
    more = f", first {most} of {len(candidate)}" if len(candidate) > most else ""
    figure.suptitle(f"{candidate.name}{more}, grey from {low:.2f} to {high:.2f}", fontsize=9)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def grid_text(candidate: Candidate, per_row: int = 5, most: int = 20) -> str:
    """The candidate's images in shades of text, 14 columns and 7 lines for a 28x28 image.

    What lies outside 0..1 is clipped.
    """
    order = np.argsort(candidate.hard_labels(), kind="stable")[:most]
    ink = np.clip(candidate.images[order, 0], 0, 1)
    height, width = (side - side % block for side, block in zip(ink.shape[1:], (4, 2), strict=True))
    small = ink[:, :height, :width].reshape(len(order), height // 4, 4, width // 2, 2)
    shade = (small.mean((2, 4)) * len(SHADES)).astype(int).clip(0, len(SHADES) - 1)
    lines = []
    for start in range(0, len(order), per_row):
        for row in zip(*shade[start : start + per_row], strict=True):
            lines.append(" ".join("".join(SHADES[s] for s in image) for image in row).rstrip())
    return "\n".join(lines)


def _range(images: np.ndarray) -> tuple[float, float]:
    """0..1, widened to what the images hold."""
    return min(0.0, float(images.min())), max(1.0, float(images.max()))


def _label(candidate: Candidate, position: int) -> str:
    label = candidate.hard_labels()[position]
    if candidate.label_scale == "class":
        return str(label)
    return f"{label} ({candidate.labels[position, label]:.2f})"
