"""Checks of arrays: what the images and labels of a candidate may hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.errors import UserError

MOST_CLASSES = 10_000
MOST_IMAGES = 10**6
MOST_PIXELS = 2**28  # of all images together: 1 GiB
MOST_LABELS = 2**26  # numbers in all rows of soft labels
LARGEST_SIDE = 256
LARGEST_PIXEL = 100
LARGEST_SCORE = 1e6


def frozen(values: Any, what: str, dtype: type, kinds: str) -> np.ndarray:
    """Make a read-only copy of an array of numbers.

    Parameters
    ----------
    values : array-like
    what : str
        The array's name, for the message.
    dtype : type
        Type of the copy.
    kinds : str
        numpy's letters of the accepted kinds: `f` for floats, `iu` for whole numbers.

    Raises
    ------
    UserError
        When the values are of another kind, or do not form an array.
    """
    try:
        found = np.asarray(values)
    except ValueError:
        raise UserError(f"{what}: rows of several lengths make no array") from None
    if found.dtype.kind not in kinds:
        words = {"f": "floats", "iu": "whole numbers"}.get(kinds, "numbers")
        raise UserError(f"{what}: of type {found.dtype}, expected {words}")
    with np.errstate(over="ignore"):
        array: np.ndarray = np.array(found, dtype=dtype, order="C")
    array.setflags(write=False)
    return array


def check_images(images: np.ndarray, indices: np.ndarray | None) -> None:
    """Raise UserError unless images are (n, 1, H, W) in pixel space, and real ones in 0..1."""
    shape = images.shape
    if images.ndim != 4 or shape[1] != 1 or 0 in shape:
        raise UserError(f"images have shape {shape}, expected (n, 1, H, W) with n >= 1")
    if len(images) > MOST_IMAGES or images.size > MOST_PIXELS or max(shape[2:]) > LARGEST_SIDE:
        raise UserError(
            f"images have shape {shape}; at most {MOST_IMAGES:,} of up to "
            f"{LARGEST_SIDE}x{LARGEST_SIDE} pixels, {MOST_PIXELS:,} pixels in all"
        )
    low, high = images.min(), images.max()
    if not -LARGEST_PIXEL <= low <= high <= LARGEST_PIXEL:
        raise UserError(
            f"pixels run from {low:g} to {high:g}, expected about 0 (background) to 1 (full ink)"
        )
    if indices is None:
        return
    if indices.shape != (len(images),):
        raise UserError(f"indices have shape {indices.shape}, expected ({len(images)},)")
    if indices.min() < 0 or len(np.unique(indices)) < len(indices):
        raise UserError("indices must be distinct positions in the training split")
    if low < 0 or high > 1:
        raise UserError("real images must lie in 0..1 (0 background, 1 full ink)")


def check_labels(labels: np.ndarray, n: int, scale: str, classes: int) -> None:
    """Raise UserError unless there is one label for each of n images, as `scale` says."""
    shape = (n,) if scale == "class" else (n, classes)
    if labels.shape != shape:
        raise UserError(
            f"labels have shape {labels.shape}, expected {shape} for label scale {scale!r}"
        )
    low, high = labels.min(), labels.max()
    if scale == "class" and not 0 <= low <= high < classes:
        raise UserError(f"labels run from {low} to {high}, expected 0..{classes - 1}")
    if scale == "probability" and not (low >= 0 and np.abs(labels.sum(1) - 1).max() <= 1e-4):
        raise UserError("label rows must be >= 0 and sum to 1")
    if scale == "score" and not -LARGEST_SCORE <= low <= high <= LARGEST_SCORE:
        raise UserError(f"label scores run from {low:g} to {high:g}, beyond {LARGEST_SCORE:g}")
