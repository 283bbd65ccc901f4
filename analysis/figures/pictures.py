"""Pictures of candidates: a fixed grey scale, as tiles, as a grid in PNG, and as text."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from analysis.figures.style import literal
from reproduce.candidate import Candidate
from reproduce.recipe import UPRIGHT

SHADES, PLAIN_SHADES = " ░▒▓█", " .:*#"  # the second for terminals that show ASCII alone
COLUMNS, WIDE, MANY = 10, 25, 100  # images in a row, in one of a set of more than `MANY`
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


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def sheet(images: np.ndarray, columns: int = COLUMNS, gap: int = 2) -> bytes:
    """Images (n, 1, H, W) side by side as PNG, pixel for pixel, with transparent gaps.

    Images within 0..1 are grey to the last of 256 levels; of more, 256 colours are kept.
    """
    board = _board(images, columns, gap, gap)
    if images.min() >= 0 and images.max() <= 1:
        return _png(board[..., [0, 3]])
    return _saved(Image.fromarray(board).quantize(256, Image.Quantize.FASTOCTREE))


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
    return _saved(Image.fromarray(pixels))


def _saved(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def start_classes(candidate: Candidate) -> np.ndarray:
    """The class that each image started from, (n,); its largest label where that is not known.

    A distillation starts class by class and keeps the order, while labels may be learned: what
    began as a 2 can end as the image that teaches 3.
    """
    labels = candidate.hard_labels()
    if candidate.role != "distilled" or len(candidate) % candidate.classes:
        return labels
    starts = np.arange(candidate.classes).repeat(len(candidate) // candidate.classes)
    # A start from a file may have had another order; then most labels disagree.
    return starts if np.mean(starts == labels) > 0.5 else labels


def by_class(candidate: Candidate) -> np.ndarray:
    """Positions of the candidate's images, sorted by the class that they started from."""
    return np.argsort(start_classes(candidate), kind="stable")


def learned_words(candidate: Candidate, name: Callable[[int], str] = str, most: int = 4) -> str:
    """Which images learned another label than that of their start, in words; empty where none."""
    starts, labels = start_classes(candidate), candidate.hard_labels()
    changed = np.flatnonzero(starts != labels)
    if len(changed) > most:
        return f"{len(changed)} images learned the label of another class than they started from"
    return "; ".join(
        f"what started from {name(int(starts[i]))} learned the label {name(int(labels[i]))}"
        for i in changed
    )


def some_of_each(candidate: Candidate, most: int) -> np.ndarray:
    """Positions of at most `most` images, sorted by class, as many of each class as go evenly."""
    order = by_class(candidate)
    labels = start_classes(candidate)[order]
    turn = np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)])
    chosen = np.sort(np.argsort(turn, kind="stable")[:most])
    return np.asarray(order[chosen])


def tiles_of(candidate: Candidate, name: Callable[[int], str], most: int) -> list[tuple[str, str]]:
    """Some images by class: the name of the class that each started from, and an address."""
    classes = start_classes(candidate)
    return [
        (name(int(classes[i])), data_uri(tile(candidate.images[i])))
        for i in some_of_each(candidate, most)
    ]


def columns_of(candidate: Candidate) -> int:
    """Images in a row: the more there are, the more."""
    return COLUMNS if len(candidate) <= MANY else WIDE


def grid(candidate: Candidate) -> Figure:
    """The candidate's images in rows, by the class they started from, in the scale of `shade`."""
    order = by_class(candidate)
    columns = columns_of(candidate)
    height, width = candidate.images.shape[2:]
    between = height // 2  # room for a label
    board = _board(candidate.images[order], columns, 2, between)
    inch = 3 * columns  # pixels of the board
    figure = Figure(figsize=(board.shape[1] / inch + 0.3, board.shape[0] / inch + 0.8), dpi=120)
    axis = figure.subplots()
    axis.imshow(board)
    axis.axis("off")
    labels = start_classes(candidate)[order]
    for place in range(len(order)):
        if columns == WIDE and place and labels[place] == labels[place - 1]:
            continue  # only the first of each class has room for a label
        x = place % columns * (width + 2) + width / 2
        y = place // columns * (height + between) - 2
        axis.text(x, y, str(labels[place]), ha="center", fontsize=8)
    title = "\n".join(
        filter(None, [f"{candidate.name}: {span(candidate)}", learned_words(candidate)])
    )
    axis.set_title(title, fontsize=9, pad=18)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=1 - 0.7 / figure.get_figheight())
    return figure


def span(candidate: Candidate) -> str:
    """How far its pixels go, and whether they lie in another frame than the data's, in words."""
    low, high = float(candidate.images.min()), float(candidate.images.max())
    outside = low < 0 or high > 1
    beyond = "; blue is below 0, orange above 1" if outside else ""
    frame = f", {UPRIGHT}" if candidate.frame == "deskew" else ""
    return f"pixels from {low:.2f} to {high:.2f}{frame}{beyond}"


def grid_png(candidate: Candidate) -> bytes:
    """`grid` as PNG of 256 colours; equal candidates give equal bytes."""
    canvas = FigureCanvasAgg(grid(candidate))
    with literal(canvas.figure):
        canvas.draw()
    return _saved(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(256))


def shades_of(encoding: str | None) -> str:
    """Five characters from no ink to full ink that a terminal of this encoding can show."""
    try:
        SHADES.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN_SHADES
    return SHADES


def grid_text(candidate: Candidate, per_row: int = 5, most: int = 20, shades: str = SHADES) -> str:
    """The candidate's images in shades of text, 14 columns and 7 lines for a 28x28 image.

    What lies outside 0..1 is clipped. Of large sets it shows the first of each class.
    """
    ink = np.clip(candidate.images[some_of_each(candidate, most), 0], 0, 1)
    height, width = (side - side % block for side, block in zip(ink.shape[1:], (4, 2), strict=True))
    small = ink[:, :height, :width].reshape(len(ink), height // 4, 4, width // 2, 2)
    levels = (small.mean((2, 4)) * len(shades)).astype(int).clip(0, len(shades) - 1)
    lines = []
    for start in range(0, len(ink), per_row):
        for row in zip(*levels[start : start + per_row], strict=True):
            lines.append(
                " ".join("".join(shades[level] for level in image) for image in row).rstrip()
            )
    return "\n".join(lines)
