"""The field's crop, scale and rotate as affine maps that gradients pass through.

What scoring does (`reproduce.images.augment`) is a lookup; this is the same in distribution but for
the interpolation, which is bilinear here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.inner.steps import Trainer, as_it_is
from reproduce.images.augment import CROP, DEGREES, SCALE

View = Callable[[Tensor], Tensor]


def views(trainer: Trainer, x: Tensor, steps: int, seed: Sequence[int]) -> list[View]:
    """What each of some steps does to images x (n, 1, H, W), drawn now and the same ever after."""
    if trainer.recipe.augment == "none":
        return [as_it_is] * steps
    rng = np.random.default_rng(seed)
    return [_affine(_thetas(rng, trainer.nets * len(x), x), trainer.nets) for _ in range(steps)]


def _thetas(rng: np.random.Generator, count: int, x: Tensor) -> Tensor:
    """Inverse maps (count, 2, 3) of one crop, scale or rotation each, in units of half a side."""
    side = x.shape[-1]
    kind, angle = rng.integers(3, size=count), rng.integers(-DEGREES, DEGREES, size=count)
    scale, shift = (
        rng.uniform(1 - SCALE, 1 + SCALE, (2, count)),
        rng.integers(-CROP, CROP + 1, (2, count)),
    )
    turn = np.where(kind == 2, angle * math.pi / 180, 0.0)
    grow = np.where(kind == 1, scale, 1.0)
    move = np.where(kind == 0, 2 * shift / side, 0.0)
    rows = [
        np.cos(turn) / grow[0],
        -np.sin(turn),
        move[0],
        np.sin(turn),
        np.cos(turn) / grow[1],
        move[1],
    ]
    return torch.tensor(np.stack(rows, -1).reshape(count, 2, 3), dtype=x.dtype)


def _affine(thetas: Tensor, nets: int) -> View:
    def view(x: Tensor) -> Tensor:
        repeated = x.repeat(nets, 1, 1, 1)
        grid = F.affine_grid(thetas.to(x), list(repeated.shape), align_corners=False)
        fill = x.mean()  # outside is the batch's mean
        moved = F.grid_sample(repeated - fill, grid, align_corners=False) + fill
        return moved.unflatten(0, (nets, len(x)))

    return view
