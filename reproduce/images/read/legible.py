"""A picture from anywhere, made legible: as networks know images of the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from reproduce.errors import UserError
from reproduce.images.read.picture import grey

CENTRED = ("mnist", "digits")  # data whose ink lies in the middle of its images
FAINT = 0.2  # of full ink: below that it is paper
INK = 20 / 28  # of the image's side: the box that MNIST's ink fills
OFF = 3.0  # pixels between the middles of ink and image that are left as they are


def legible(
    file: Path, shape: tuple[int, int], centred: bool, dark: bool | None = None
) -> tuple[np.ndarray, str]:
    """One picture as the data has its images, and what was done to it.

    Parameters
    ----------
    file : Path
        Of any size, grey or in colour, light on dark or dark on light.
    shape : tuple of int
        Height and width of the data's images.
    centred : bool
        Whether the data has its ink in a box of 20/28 of the side, its centre of mass in the
        middle, as MNIST does (LeCun et al. 1998). Otherwise whole pictures are resized.
    dark : bool or None
        Whether ink is darker than paper. None: where the border is bright.

    Returns
    -------
    image : ndarray of shape (H, W), float32
        0 is background and 1 is full ink.
    said : str
        What was done, in words.

    Raises
    ------
    UserError
        When the file is no image, or all of it has about the same brightness.
    """
    pixels = grey(file, lenient=True)
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1
    image, said = pixels.astype(np.float32) / np.float32(scale), []
    edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    low, high, paper = float(image.min()), float(image.max()), float(np.median(edges))
    if paper > (low + high) / 2 if dark is None else dark:
        image, paper, high = 1 - image, 1 - paper, 1 - low
        said.append("inverted, since ink was dark")
    if not high - paper > FAINT:
        raise UserError(f"{file}: no ink stands out from the paper; give it more contrast")
    if image.shape != shape or (centred and _off_middle(image) > OFF):
        ink = ((image - paper) / (high - paper)).clip(0, 1)
        ink[ink < FAINT] = 0
        image = _centred(ink, shape) if centred else _resized(ink, shape)
        size = f"{shape[0]}x{shape[1]}"
        said.append(f"ink scaled and centred in {size}" if centred else f"resized to {size}")
    return image, "; ".join(said) or "nothing"


def _off_middle(ink: np.ndarray) -> float:
    """Pixels between the centre of mass of the ink and the middle of the image."""
    return float(
        max(abs(c - (side - 1) / 2) for c, side in zip(_mass(ink), ink.shape, strict=True))
    )


def _mass(ink: np.ndarray) -> tuple[float, float]:
    """Row and column of the centre of mass."""
    total = max(float(ink.sum()), 1e-6)
    rows, columns = (np.arange(side) for side in ink.shape)
    return float(ink.sum(1) @ rows) / total, float(ink.sum(0) @ columns) / total


def _scaled(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image in another size, smoothed where it shrinks, with full ink where it has most."""
    drawn = Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(drawn, dtype=np.float32)
    return pixels / max(float(pixels.max()), 1e-6)


def _centred(ink: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The ink alone, scaled to MNIST's box, with its centre of mass in the middle."""
    rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = INK * min(shape) / max(cut.shape)
    small = _scaled(cut, *(max(1, round(side * factor)) for side in cut.shape))
    found = np.zeros(shape, np.float32)
    spans = zip(shape, small.shape, _mass(small), strict=True)
    top, left = (
        int(np.clip(round((side - 1) / 2 - middle), 0, side - own)) for side, own, middle in spans
    )
    found[top : top + small.shape[0], left : left + small.shape[1]] = small
    return found


def _resized(ink: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The whole picture, with background added where its sides have another proportion."""
    factor = min(side / own for side, own in zip(shape, ink.shape, strict=True))
    small = _scaled(ink, *(max(1, round(side * factor)) for side in ink.shape))
    room = [(side - own) // 2 for side, own in zip(shape, small.shape, strict=True)]
    found = np.zeros(shape, np.float32)
    found[room[0] : room[0] + small.shape[0], room[1] : room[1] + small.shape[1]] = small
    return found
