"""Differentiable Siamese augmentation: one change at random for a whole batch of images.

The family is that of Zhao and Bilen 2021 for digits, which are never mirrored, with the ranges of
their published code. Images are normalised, so that 0, which fills what comes into sight, is the
mean of the data. Gradients pass through every change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

BRIGHTNESS, CONTRAST = 0.5, 0.5  # added, at most; and by what the contrast differs from 1
CROP, CUTOUT = 0.125, 0.5  # parts of a side: by which images move, and that are covered
SCALE, DEGREES = 1.2, 15.0  # at most; at least 1 / SCALE and -DEGREES

Change = Callable[[Tensor], Tensor]  # of images (n, 1, H, W)


def drawn(rng: np.random.Generator) -> Change:
    """One change of the family at random; all images that it is given are changed alike."""
    kind = FAMILY[rng.integers(len(FAMILY))]
    return partial(kind, first=rng.random(), second=rng.random())


# --- The family; `first` and `second` lie in 0..1 -----------------------------------------------


def colour(images: Tensor, first: float, second: float) -> Tensor:
    """Brightness and contrast; grey images have no saturation."""
    brighter = images + BRIGHTNESS * (2 * first - 1)
    mean = brighter.mean((1, 2, 3), keepdim=True)
    return mean + (1 + CONTRAST * (2 * second - 1)) * (brighter - mean)


def crop(images: Tensor, first: float, second: float) -> Tensor:
    """A frame of 0 around the image, and a window of the image's size somewhere in it."""
    height, width = images.shape[-2:]
    down, across = (math.floor(CROP * side + 0.5) for side in (height, width))
    top, left = int(first * (2 * down + 1)), int(second * (2 * across + 1))
    framed = F.pad(images, (across, across, down, down))
    return framed[..., top : top + height, left : left + width]


def cutout(images: Tensor, first: float, second: float) -> Tensor:
    """A rectangle of 0, whose centre may lie at the image's edge."""
    covered = torch.ones((), dtype=torch.bool, device=images.device)
    for axis, part in ((-2, first), (-1, second)):
        side = images.shape[axis]
        size = math.floor(CUTOUT * side + 0.5)
        start = int(part * (side + 1 - size % 2)) - size // 2
        at = torch.arange(side, device=images.device)
        inside = (at >= start) & (at < start + size)
        covered = covered & (inside[:, None] if axis == -2 else inside)
    return torch.where(covered, 0, images)


def scale(images: Tensor, first: float, second: float) -> Tensor:
    """Height and width each by a factor of its own."""
    high, wide = (1 / SCALE + part * (SCALE - 1 / SCALE) for part in (first, second))
    return _looked_up(images, ((wide, 0.0), (0.0, high)))


def rotate(images: Tensor, first: float, second: float) -> Tensor:
    """Turned about the centre; `second` is not needed."""
    angle = math.radians(DEGREES) * (2 * first - 1)
    cosine, sine = math.cos(angle), math.sin(angle)
    return _looked_up(images, ((cosine, -sine), (sine, cosine)))


FAMILY = (colour, crop, cutout, scale, rotate)


def _looked_up(images: Tensor, matrix: tuple[tuple[float, float], ...]) -> Tensor:
    """Each pixel (x, y) from the centre looks at matrix @ (x, y), between pixels bilinearly."""
    rows = [[*row, 0.0] for row in matrix]
    affine = torch.tensor(rows, dtype=images.dtype).to(images.device).expand(len(images), -1, -1)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
