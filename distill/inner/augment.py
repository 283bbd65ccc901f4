"""The field's crop, scale and rotate as affine maps that gradients pass through.

What scoring does (`reproduce.images.augment`) is a lookup. The maps here have the same
distribution, but interpolate between pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reproduce.images.augment import CROP, DEGREES, SCALE
from reproduce.recipe import Recipe

View = Callable[[Tensor], Tensor]


def views(recipe: Recipe, nets: int, x: Tensor, steps: int, seed: Sequence[int]) -> list[View]:
    """What each of some steps shows to `nets` networks of images x (n, 1, H, W).

    All random numbers are drawn now, so that a view shows the same whenever it is called.
    """
    if recipe.augment == "none":
        return [unchanged] * steps
    rng = np.random.default_rng(seed)
    return [_affine(_thetas(rng, nets * len(x), x), nets) for _ in range(steps)]


def unchanged(x: Tensor) -> Tensor:
    """The view of a recipe without augmentation: (1, n, 1, H, W)."""
    return x[None]


def _thetas(rng: np.random.Generator, count: int, x: Tensor) -> Tensor:
    """Inverse maps (count, 2, 3) of one crop, scale or rotation each, in units of half a side."""
    side = x.shape[-1]
    kind, angle = rng.integers(3, size=count), rng.integers(-DEGREES, DEGREES, size=count)
    scale = rng.uniform(1 - SCALE, 1 + SCALE, (2, count))
    shift = rng.integers(-CROP, CROP + 1, (2, count))
    turn = np.where(kind == 2, angle * math.pi / 180, 0.0)
    (width, height), (right, down) = (
        np.where(kind == 1, scale, 1.0),
        np.where(kind == 0, 2 * shift / side, 0.0),
    )
    cos, sin = np.cos(turn), np.sin(turn)
    rows = [cos / width, -sin, right, sin, cos / height, down]
    return torch.tensor(np.stack(rows, -1).reshape(count, 2, 3), dtype=x.dtype)


def _affine(thetas: Tensor, nets: int) -> View:
    def view(x: Tensor) -> Tensor:
        repeated = x.repeat(nets, 1, 1, 1)
        grid = F.affine_grid(thetas.to(x), list(repeated.shape), align_corners=False)
        fill = x.mean()  # outside is the batch's mean
        moved = F.grid_sample(repeated - fill, grid, align_corners=False) + fill
        return moved.unflatten(0, (nets, len(x)))

    return view
