"""The images that a stack of networks is shown, step by step."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from reproduce.images import expand
from reproduce.images.augment import Augmenter
from reproduce.images.deskew import upright
from reproduce.images.distort import distort
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.training.draws import Draw, Draws

PREPARED_BYTES = 128 * 2**20  # prepared batches that a stack keeps


def training_images(recipe: Recipe, images: Tensor) -> Tensor:
    """Images (n, 1, H, W) set upright, shifted and normalised as the recipe says.

    Distortions work on pixels; what they make is normalised batch by batch. Gradients pass through.
    """
    if recipe.deskew:
        images = upright(images[:, 0])[:, None]
    images = expand.shifted(images, recipe.shifts) if recipe.shifts else images
    return images if recipe.distortion else (images - recipe.mean) / recipe.std


def training_targets(recipe: Recipe, targets: Tensor) -> Tensor:
    """Targets (n, C), repeated for all shifts of an image."""
    copies = (2 * recipe.shifts + 1) ** 2
    return targets.repeat_interleave(copies, 0) if copies > 1 else targets


def augmenters(recipe: Recipe, x: Tensor, beforehand: bool = True) -> list[Augmenter]:
    """What augments each of K sets of images, x (K, n, 1, H, W); empty without `dc`.

    `beforehand` is as for `Augmenter`.
    """
    made = x if recipe.augment == "dc" else ()
    return [Augmenter(images[:, 0], beforehand) for images in made]


def shown(
    recipe: Recipe, x: Tensor, y: Tensor, draw: Draw, augmenters: list[Augmenter]
) -> tuple[Tensor, Tensor]:
    """The images (K, B, 1, H, W) and targets (K, B, C) of one step.

    Parameters
    ----------
    recipe : Recipe
    x, y : Tensor of shapes (K or 1, n, 1, H, W) and (K or 1, n, C)
        As `training_images` and `training_targets` make them; one set serves all networks.
    draw : Draw
    augmenters : list of Augmenter
        One for each set of images, or none.
    """
    if augmenters:
        each = augmenters * (len(draw.rows) // len(augmenters))
        made = zip(each, draw.rows, draw.changes, strict=True)
        xb = torch.stack([augment(part, drawn) for augment, part, drawn in made])[:, :, None]
    else:
        xb = taken(x, draw.rows)
    yb = taken(y, draw.rows)
    if recipe.distortion:
        xb, yb = distort(xb, yb, recipe.distortion, draw.changes)
        xb = (xb - recipe.mean) / recipe.std
    return xb, yb


def taken(values: Tensor, rows: Tensor) -> Tensor:
    """Rows (K, B) of K tables (K, n, ...), or of one that all share (1, n, ...)."""
    rows = rows.to(values.device)
    if len(values) == 1:  # its gradient is far quicker than that of an index into two dimensions
        return values[0].index_select(0, rows.flatten()).unflatten(0, rows.shape)
    return values[torch.arange(len(rows), device=rows.device)[:, None], rows]


class Batches:
    """The batches of the oracle's training of K networks.

    Parameters
    ----------
    recipe : Recipe
    x, y : Tensor of shapes (K, n, 1, H, W) and (K, n, C)
        Training images and targets.
    draws : Draws
    model : Stack
        Prepares images.
    device : torch.device
    prepare : bool
        Whether batches are prepared for the model.
    """

    def __init__(
        self,
        recipe: Recipe,
        x: Tensor,
        y: Tensor,
        draws: Draws,
        model: Stack,
        device: torch.device,
        prepare: bool = True,
    ) -> None:
        self.recipe, self.draws, self.model, self.device = recipe, draws, model, device
        self.prepare = prepare
        # Batches that come again in every epoch are kept, if they are small.
        self.again = not recipe.reshuffle and recipe.augment == "none"
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}
        self.augmenters = augmenters(recipe, x)
        self.x, self.y = (x, y) if recipe.reshuffle else (x.to(device), y.to(device))

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield images, prepared, targets (K, B, C) and dropout noise (K, B, N) or None."""
        for draw in self.draws.epoch():
            xb, yb = self._batch(draw)
            yield xb, yb, None if draw.noise is None else draw.noise.to(self.device)

    def whole(self) -> tuple[Tensor, Tensor]:
        """All images (K, n, 1, H, W), not augmented, and their targets, in the batches' order."""
        x, y = self.x, self.y
        if not self.recipe.reshuffle:
            x, y = (t[torch.arange(len(t))[:, None], self.draws.order.to(t.device)] for t in (x, y))
        x = (x - self.recipe.mean) / self.recipe.std if self.recipe.distortion else x
        return x.to(self.device), y.to(self.device)

    def _batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        place = draw.step % self.draws.per_epoch
        if place in self.kept:
            return self.kept[place]
        xb, yb = shown(self.recipe, self.x, self.y, draw, self.augmenters)
        xb, yb = xb.to(self.device), yb.to(self.device)
        xb = self.model.prepare(xb) if self.prepare else xb
        if self.again and xb.nbytes * self.draws.per_epoch <= PREPARED_BYTES:
            self.kept[place] = xb, yb
        return xb, yb
