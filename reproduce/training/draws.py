"""The one schedule of random numbers: which images, which noise and which changes each step has.

The oracle's training and the differentiable training of a distillation both take it from here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reproduce.images import augment, distort
from reproduce.networks.stack import seeded
from reproduce.recipe import Recipe
from reproduce.training import schedule


@dataclass(frozen=True)
class Draw:
    """What chance decides about one step of K networks.

    Attributes
    ----------
    step : int
        Steps before this one.
    rows : Tensor of shape (K, B)
        Positions of the batch among the training images.
    noise : Tensor of shape (K, B, N) or None
        For dropout, uniform in 0..1.
    changes : tuple of K pairs, distort.Drawn or None
        What happens to the images: of `augment.draw`, of `distort.draw`, or nothing.
    """

    step: int
    rows: Tensor
    noise: Tensor | None
    changes: Any


class Draws:
    """The draws of a training, step after step, from generators that each replicate has alone.

    So a network meets the same numbers in every stack.

    Parameters
    ----------
    recipe : Recipe
    images : int
        Of the set, without their shifts.
    shape : tuple of int
        Height and width of the images.
    seeds : sequence of K int
    noise : int
        Numbers that dropout takes for each image.
    """

    def __init__(
        self, recipe: Recipe, images: int, shape: tuple[int, int], seeds: Sequence[int], noise: int
    ) -> None:
        self.recipe, self.shape, self.noise = recipe, shape, noise
        self.count = images * (2 * recipe.shifts + 1) ** 2
        self.seeds = tuple(seeds)
        self.per_epoch = schedule.steps_per_epoch(recipe, images)
        self.step = 0
        self.orders = [seeded(seed, "order") for seed in seeds]
        self.noises = [seeded(seed, "noise") for seed in seeds]
        self.augments = [seeded(seed, "augment") for seed in seeds]
        self.order = self._shuffled()

    def next(self) -> Draw:
        """The draw of the next step."""
        place = self.step % self.per_epoch * self.recipe.batch
        if self.recipe.reshuffle and place == 0 and self.step:
            self.order = self._shuffled()
        rows = self.order[:, place : place + self.recipe.batch]
        size = rows.shape[1]
        # Augmentation and noise have generators of their own, so their order is free.
        drawn = Draw(self.step, rows, self._noise(size), self._changes(size))
        self.step += 1
        return drawn

    def epoch(self) -> Iterator[Draw]:
        """The draws of the steps of one epoch."""
        for _ in range(self.per_epoch):
            yield self.next()

    def copied(self) -> Draws:
        """The same draws from here on, apart from these."""
        later = copy.copy(self)
        later.orders, later.noises, later.augments = (
            [generator.clone_state() for generator in generators]
            for generators in (self.orders, self.noises, self.augments)
        )
        return later

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as tensors and plain values."""
        generators = (*self.orders, *self.noises, *self.augments)
        states = [generator.get_state() for generator in generators]
        return {"step": self.step, "order": self.order, "generators": states}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`; ValueError where it is of other draws."""
        order, step = state["order"], state["step"]
        steps = self.per_epoch * self.recipe.epochs
        if order.shape != self.order.shape or not isinstance(step, int) or not 0 <= step <= steps:
            raise ValueError("draws of another training")
        if (order.sort().values != torch.arange(self.count)).any():
            raise ValueError("an order that is none")
        generators = (*self.orders, *self.noises, *self.augments)
        for generator, saved in zip(generators, state["generators"], strict=True):
            generator.set_state(saved)
        self.step, self.order = step, order

    def _shuffled(self) -> Tensor:
        return torch.stack([torch.randperm(self.count, generator=g) for g in self.orders])

    def _noise(self, size: int) -> Tensor | None:
        if not self.noise:
            return None
        shape = (size, self.noise)
        drawn = [torch.rand(shape, generator=g, dtype=torch.float32) for g in self.noises]
        return torch.stack(drawn)

    def _changes(self, size: int) -> Any:
        if self.recipe.augment == "dc":
            return tuple(augment.draw(size, generator) for generator in self.augments)
        if self.recipe.distortion:
            return distort.draw(self.recipe.distortion, size, self.shape, self.augments)
        return None
