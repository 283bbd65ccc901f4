"""The oracle's optimisers, SGD with momentum and Adam, as pure functions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from distill.inner.networks import Tensors
from reproduce.recipe import Recipe
from reproduce.training.optimiser import BETAS, EPS
from reproduce.training.schedule import optimiser_began

FLOOR = 1e-30  # inside Adam's square root, whose slope at zero is infinite; EPS hides it


def updated(
    recipe: Recipe,
    old: Tensors,
    gradients: Tensors,
    moments: Tensors,
    rate: Tensor | float,
    age: int,
    per_epoch: int,
) -> Iterator[Tensor]:
    """What the recipe's optimiser makes of parameters, then of its moments.

    Parameters
    ----------
    recipe : Recipe
    old, gradients, moments : tuple of Tensor
    rate : Tensor or float
        Learning rate.
    age, per_epoch : int
        Steps taken before this one; steps of an epoch.
    """
    began = (optimiser_began(recipe, age // per_epoch + 1) - 1) * per_epoch
    if age == began > 0:  # the optimiser starts again
        moments = tuple(torch.zeros_like(m) for m in moments)
    if recipe.weight_decay:
        pairs = zip(gradients, old, strict=True)
        gradients = tuple(g + recipe.weight_decay * p for g, p in pairs)
    if recipe.optimiser == "adam":
        moves, moments = _adam(moments, gradients, age + 1 - began)
    elif recipe.momentum:
        pairs = zip(moments, gradients, strict=True)
        moves = moments = tuple(recipe.momentum * m + g for m, g in pairs)
    else:
        moves = gradients
    yield from (p - rate * move for p, move in zip(old, moves, strict=True))
    yield from moments


def _adam(moments: Tensors, gradients: Tensors, taken: int) -> tuple[Tensors, Tensors]:
    """Moves and new moments of Adam's step number `taken`, from 1 (Kingma and Ba 2015)."""
    (b1, b2), count = BETAS, len(gradients)
    first = tuple(b1 * m + (1 - b1) * g for m, g in zip(moments[:count], gradients, strict=True))
    second = tuple(
        b2 * v + (1 - b2) * g * g for v, g in zip(moments[count:], gradients, strict=True)
    )
    c1, c2 = 1 - b1**taken, 1 - b2**taken
    moves = tuple(
        m / c1 / ((v / c2 + FLOOR).sqrt() + EPS) for m, v in zip(first, second, strict=True)
    )
    return moves, first + second


def moments_of(recipe: Recipe) -> int:
    """Tensors of a parameter's shape that the optimiser keeps for it."""
    return 2 if recipe.optimiser == "adam" else 1 if recipe.momentum else 0
