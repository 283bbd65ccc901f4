"""The one schedule of a training: how many steps, which rate at which, when momentum begins.

The oracle's loop and the differentiable loop of a distillation both follow it.
"""

from __future__ import annotations

import math

from reproduce.errors import UserError
from reproduce.recipe import Recipe


def steps_per_epoch(recipe: Recipe, images: int) -> int:
    """Batches of one epoch on so many images, each with all its shifts."""
    return -(-images * (2 * recipe.shifts + 1) ** 2 // recipe.batch)


def check_rates(recipe: Recipe, steps: int) -> None:
    """Raise UserError where a recipe lists other than one learning rate for each of its steps."""
    listed = len(recipe.learning_rates)
    if recipe.schedule == "list" and listed != steps:
        raise UserError(
            f"recipe: {listed} learning_rates for {steps} steps on this set; list one for each step"
        )


def optimiser_began(recipe: Recipe, epoch: int) -> int:
    """The epoch at whose start the optimiser in use in `epoch` was new; both count from 1.

    The schedule `halfway` has a new optimiser, without momentum, when the rate drops.
    """
    second = recipe.epochs // 2 + 2
    return second if recipe.schedule == "halfway" and epoch >= second else 1


def learning_rate(recipe: Recipe, epoch: int, step: int) -> float:
    """The rate in `epoch`, counted from 1, at `step`, counted from 0 over all epochs."""
    return warm_up(recipe, step) * _scheduled(recipe, epoch, step)


def warm_up(recipe: Recipe, step: int) -> float:
    """Part of the learning rate, 0 to 1, that warm-up allows at `step`, counted from 0."""
    return min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0


def _scheduled(recipe: Recipe, epoch: int, step: int) -> float:
    if recipe.schedule == "essay":
        return recipe.lr * 0.8 ** (epoch // 10 + 1)
    if recipe.schedule == "halfway":
        return recipe.lr if epoch <= recipe.epochs // 2 + 1 else recipe.lr / 10
    if recipe.schedule == "cosine":
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / recipe.epochs))
    if recipe.schedule == "list":
        return recipe.learning_rates[step]
    return recipe.lr
