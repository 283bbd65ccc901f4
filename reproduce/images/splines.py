"""Rotations by cubic splines that gradients pass through, equal to `scipy.ndimage.rotate`.

A rotation is linear in the pixels. Spline coefficients are a product with one matrix for each axis;
each output pixel is then a weighted mean of sixteen of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor


class Turner:
    """Rotates images of one set by whole degrees, cut to the size that they had.

    Parameters
    ----------
    images : Tensor of shape (n, H, W)
        May have a graph.
    degrees : sequence of int
        The angles that can be asked for.
    """

    def __init__(self, images: Tensor, degrees: Sequence[int]) -> None:
        sides = images.shape[1], images.shape[2]
        down, across = (_coefficients(side).to(images) for side in sides)
        self.coefficients = (down @ images @ across.T).flatten(1)  # (n, H * W)
        self.degrees, self.sides = degrees, sides

    def __call__(self, batch: Tensor, angles: Tensor) -> Tensor:
        """Images (B, H, W) at positions `batch` (B,), turned by the angles at these places (B,)."""
        turned = [
            self._turned(self.coefficients[row], self.degrees[angle])
            for row, angle in zip(batch.tolist(), angles.tolist(), strict=True)
        ]
        return torch.stack(turned)

    def _turned(self, coefficients: Tensor, angle: int) -> Tensor:
        found, shares = taps(angle, self.sides)
        places, weights = torch.from_numpy(found), torch.from_numpy(shares).to(coefficients)
        return (coefficients[places] * weights).sum(-1).view(self.sides)


@cache
def taps(angle: int, sides: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Places (H * W, 16) of coefficients and their weights for each pixel of a turned image."""
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    height, width = sides
    corners = matrix @ [[0, 0, height, height], [0, width, 0, width]]
    room = (np.ptp(corners, axis=1) + 0.5).astype(int)  # the size that holds the whole image
    start = (room - sides) // 2
    rows, columns = np.mgrid[start[0] : start[0] + height, start[1] : start[1] + width]
    at = np.stack([rows.ravel(), columns.ravel()]) - (room[:, None] - 1) / 2
    looked = matrix @ at + (np.array(sides)[:, None] - 1) / 2  # (2, H * W)
    inside = ((looked >= 0) & (looked <= np.array(sides)[:, None] - 1)).all(0)
    (y, by), (x, bx) = (_cubic(one, side) for one, side in zip(looked, sides, strict=True))
    places = y[:, :, None] * width + x[:, None, :]
    weights = by[:, :, None] * bx[:, None, :] * inside[:, None, None]
    return places.reshape(-1, 16), weights.reshape(-1, 16)


def _cubic(at: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The four nearest places (N, 4) along an axis, mirrored at its ends, and B-spline weights."""
    first = np.floor(at)
    t = at - first
    weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    places = np.abs(first.astype(int)[:, None] + np.arange(-1, 3))
    places = np.where(places > side - 1, 2 * (side - 1) - places, places)
    return places.clip(0, side - 1), np.stack(weights, -1) / 6


def _coefficients(side: int) -> Tensor:
    """Matrix (side, side) from pixels of a row to the coefficients of its cubic spline."""
    columns = scipy.ndimage.spline_filter1d(np.eye(side), order=3, axis=0, mode="mirror")
    return torch.from_numpy(columns)
