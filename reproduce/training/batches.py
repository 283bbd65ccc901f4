"""Batches for a stack of networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from reproduce.images.augment import Augmenter
from reproduce.images.distort import distort
from reproduce.networks.models import Stack, seeded
from reproduce.recipe import Recipe

PREPARED_BYTES = 128 * 2**20  # prepared batches that a stack keeps


class Batches:
    """Batches for a stack: each network has its own order, dropout noise and augmentation.

    Every random number comes from a generator of one replicate, so that a network meets the same
    numbers in every stack.

    Parameters
    ----------
    recipe : Recipe
    x, y : Tensor of shapes (K, n, 1, H, W) and (K, n, C)
        Training images and targets.
    seeds : sequence of K int
    model : Stack
        Prepares images, and says how much noise its dropout takes.
    device : torch.device
    prepare : bool
        Whether batches are prepared for the model.
    """

    def __init__(
        self,
        recipe: Recipe,
        x: Tensor,
        y: Tensor,
        seeds: Sequence[int],
        model: Stack,
        device: torch.device,
        prepare: bool = True,
    ) -> None:
        self.recipe, self.model, self.device = recipe, model, device
        self.prepare = prepare
        self.prepared: dict[int, Tensor] = {}
        self.orders = [seeded(seed, "order") for seed in seeds]
        self.noises = [seeded(seed, "noise") for seed in seeds]
        self.augments = [seeded(seed, "augment") for seed in seeds]
        self.rows = torch.arange(len(seeds))[:, None]
        self.count = x.shape[1]
        self.positions = torch.arange(self.count).expand(len(seeds), -1)
        self.per_epoch = -(-self.count // recipe.batch)
        if not recipe.reshuffle:
            order = self._order()
            x, y = x[self.rows, order], y[self.rows, order]
        self.augmenters = (
            [Augmenter(images[:, 0]) for images in x] if recipe.augment == "dc" else []
        )
        self.x, self.y = (x, y) if recipe.reshuffle else (x.to(device), y.to(device))

    def generators(self) -> list[torch.Generator]:
        """All generators of random numbers, whose states a checkpoint saves."""
        return [*self.orders, *self.noises, *self.augments]

    def _order(self) -> Tensor:
        return torch.stack([torch.randperm(self.count, generator=g) for g in self.orders])

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield images, prepared, targets (K, B, C) and dropout noise (K, B, N) or None."""
        order = self._order() if self.recipe.reshuffle else None
        for start in range(0, self.count, self.recipe.batch):
            cut = slice(start, start + self.recipe.batch)

            def taken(values: Tensor, cut: slice = cut) -> Tensor:
                return values[:, cut] if order is None else values[self.rows, order[:, cut]]

            xb = self._augmented(taken(self.positions)) if self.augmenters else taken(self.x)
            xb, yb = xb.to(self.device), taken(self.y).to(self.device)
            if self.recipe.distortion:
                xb, yb = distort(xb, yb, self.recipe.distortion, self.augments)
                xb = (xb - self.recipe.mean) / self.recipe.std
            yield self._prepare(xb, start), yb, self._noise(xb.shape[1])

    def _prepare(self, xb: Tensor, start: int) -> Tensor:
        """Prepare a batch; batches that come again each epoch are kept, if they are small."""
        if not self.prepare:
            return xb
        if start in self.prepared:
            return self.prepared[start]
        prepared = self.model.prepare(xb)
        again = not self.recipe.reshuffle and self.recipe.augment == "none"
        if again and prepared.nbytes * self.per_epoch <= PREPARED_BYTES:
            self.prepared[start] = prepared
        return prepared

    def _augmented(self, chosen: Tensor) -> Tensor:
        """Crops, scalings and rotations (K, B, 1, H, W) of the images at `chosen` (K, B)."""
        made = zip(self.augmenters, chosen, self.augments, strict=True)
        return torch.stack([augment(rows, g) for augment, rows, g in made])[:, :, None]

    def _noise(self, size: int) -> Tensor | None:
        if not self.model.noise:
            return None
        shape = (size, self.model.noise)
        drawn = [torch.rand(shape, generator=g, dtype=torch.float32) for g in self.noises]
        return torch.stack(drawn).to(self.device)
