"""The scale of ink: which pixel value is background and which is full ink. Nothing is guessed."""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.errors import UserError

BRIGHT = 0.6  # of full ink: where a border is brighter, ink may be dark on white paper
WAYS = "save bytes of 0..255, or floats in 0..1 (images divided by the value of full ink)"
POLARITY = "give --invert (in Python invert=True) where ink is dark, else --no-invert"


def inked(images: np.ndarray, invert: bool | None) -> np.ndarray:
    """Images as ink: 0 is background, 1 is full ink.

    Parameters
    ----------
    images : ndarray of shape (n, H, W) or (n, 1, H, W)
        Bytes, of which 255 is full, 16-bit numbers, of which 65535 is full, floats in 0..1, or
        truth values.
    invert : bool or None
        True where ink is dark on white paper, False where it is light on black. None is False,
        unless the images look otherwise.

    Returns
    -------
    ndarray of shape (n, 1, H, W), float32

    Raises
    ------
    UserError
        When the type or the values leave open what full ink is, or images look like dark ink on
        white paper and `invert` is None. The message does not name the file.
    """
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] != 1 or 0 in images.shape:
        raise UserError(
            f"images have shape {images.shape}; give grey ones, (n, H, W) or (n, 1, H, W)"
        )
    if images.dtype.kind == "b":
        images = images.astype(np.float32)
    full = _full(images)
    if invert is None and looks_dark(images):
        raise UserError(
            f"looks like dark ink on white paper (at the border most pixels are "
            f"{_border(images) / full:.0%} of full ink); {POLARITY}"
        )
    found: np.ndarray = np.divide(full - images if invert else images, full, dtype=np.float32)
    return found


def looks_dark(images: np.ndarray) -> bool:
    """Whether images (..., H, W) look like dark ink on white paper: their border is bright."""
    return bool(_border(images) > BRIGHT * _full(images))


def _full(images: np.ndarray) -> Any:
    """The value of full ink, of the images' own type."""
    kind = images.dtype
    if kind.kind == "f":
        full = kind.type(1)
    elif kind.kind == "u" and kind.itemsize <= 2:
        full = kind.type(np.iinfo(kind).max)
    else:
        raise UserError(f"images of type {kind} do not say what full ink is; {WAYS}")
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError("images hold values that are not finite")
    if low < 0 or high > full:
        raise UserError(f"pixels run from {low:g} to {high:g}, floats must lie in 0..1; {WAYS}")
    if low == high:
        raise UserError(f"all pixels of all images are {low:g}; there is nothing to learn")
    if high < full / 2:
        raise UserError(
            f"the brightest pixel is {high:g}, and {full:g} would be full ink of {kind}; {WAYS}"
        )
    return full


def _border(images: np.ndarray) -> float:
    """The median of the outermost pixels."""
    edges = [images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]]
    return float(np.median(np.concatenate([edge.ravel() for edge in edges])))
