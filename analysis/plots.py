"""Pictures of candidates: a fixed grey scale, as tiles, as a grid in PNG, and as text."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from reproduce.candidate import Candidate

SHADES = " ░▒▓█"
COLUMNS = 10
# Beyond 0..1 the scale goes on in colour: blue below no ink, orange above full ink.
BELOW = np.array([0.24, 0.55, 1.0])
ABOVE = np.array([1.0, 0.45, 0.05])
REACH = 1.0  # how far beyond 0..1 the colour is full


def shade(images: np.ndarray) -> np.ndarray:
    """Colours of pixels, the same for every image: ink is white on black, as MNIST has it.

    Parameters
    ----------
    images : ndarray of any shape
        0 background, 1 full ink. What lies outside turns blue below 0 and orange above 1, fully
        so from -`REACH` and 1 + `REACH` on.

    Returns
    -------
    ndarray of that shape and 3 colours, uint8
    """
    grey = np.clip(images, 0, 1)[..., None] * np.ones(3)
    below = np.clip(-images / REACH, 0, 1)[..., None]
    above = np.clip((images - 1) / REACH, 0, 1)[..., None]
    colours = grey * (1 - below) + below * BELOW
    colours = colours * (1 - above) + above * ABOVE
    return np.rint(255 * colours).astype(np.uint8)


def tile(image: np.ndarray) -> bytes:
    """One image (1, H, W) as PNG, pixel for pixel."""
    return _png(shade(image[0]))


def sheet(images: np.ndarray, columns: int = COLUMNS, gap: int = 2) -> bytes:
    """Images (n, 1, H, W) side by side as PNG, pixel for pixel, with transparent gaps."""
    return _png(_board(images, columns, gap, gap))


def _board(images: np.ndarray, columns: int, gap: int, between: int) -> np.ndarray:
    """Images in rows, `gap` pixels apart, the rows `between`; red, green, blue and cover."""
    n, _, height, width = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    tall, wide = rows * (height + between) - between, columns * (width + gap) - gap
    board = np.zeros((tall, wide, 4), np.uint8)
    for position, image in enumerate(images):
        y, x = position // columns * (height + between), position % columns * (width + gap)
        board[y : y + height, x : x + width, :3] = shade(image[0])
        board[y : y + height, x : x + width, 3] = 255
    return board


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def by_class(candidate: Candidate) -> np.ndarray:
    """Positions of the candidate's images, sorted by class."""
    return np.argsort(candidate.hard_labels(), kind="stable")


def grid(candidate: Candidate, most: int = 100) -> Figure:
    """The candidate's images in rows of ten, sorted by class, in the scale of `shade`.

    Soft labels show the first class and its value.
    """
    order = by_class(candidate)[:most]
    height, width = candidate.images.shape[2:]
    between = height // 2  # room for a label
    board = _board(candidate.images[order], COLUMNS, 2, between)
    figure = Figure(figsize=(board.shape[1] / 30 + 0.3, board.shape[0] / 30 + 0.8), dpi=120)
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.imshow(board)
    axis.axis("off")
    for place, position in enumerate(order):
        x = place % COLUMNS * (width + 2) + width / 2
        y = place // COLUMNS * (height + between) - 2
        axis.text(x, y, _label(candidate, int(position)), ha="center", fontsize=8)
    more = f", first {most} of {len(candidate)}" if len(candidate) > most else ""
    title = f"{candidate.name}{more}: {span(candidate)}"
    axis.set_title(title, fontsize=9, pad=18)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=1 - 0.7 / figure.get_figheight())
    return figure


def span(candidate: Candidate) -> str:
    """How far its pixels go, in words."""
    low, high = float(candidate.images.min()), float(candidate.images.max())
    outside = low < 0 or high > 1
    beyond = "; blue is below 0, orange above 1" if outside else ""
    return f"pixels from {low:.2f} to {high:.2f}{beyond}"


def grid_png(candidate: Candidate, most: int = 100) -> bytes:
    """`grid` as PNG; equal candidates give equal bytes."""
    buffer = io.BytesIO()
    grid(candidate, most).savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def grid_text(candidate: Candidate, per_row: int = 5, most: int = 20) -> str:
    """The candidate's images in shades of text, 14 columns and 7 lines for a 28x28 image.

    What lies outside 0..1 is clipped.
    """
    ink = np.clip(candidate.images[by_class(candidate)[:most], 0], 0, 1)
    height, width = (side - side % block for side, block in zip(ink.shape[1:], (4, 2), strict=True))
    small = ink[:, :height, :width].reshape(len(ink), height // 4, 4, width // 2, 2)
    shades = (small.mean((2, 4)) * len(SHADES)).astype(int).clip(0, len(SHADES) - 1)
    lines = []
    for start in range(0, len(ink), per_row):
        for row in zip(*shades[start : start + per_row], strict=True):
            lines.append(" ".join("".join(SHADES[s] for s in image) for image in row).rstrip())
    return "\n".join(lines)


def _label(candidate: Candidate, position: int) -> str:
    label = candidate.hard_labels()[position]
    if candidate.label_scale == "class":
        return str(label)
    return f"{label} ({candidate.labels[position, label]:.2f})"
