"""What objectives on trained networks share: a pool, and real images as networks see them."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distill import ranks
from distill.config import DistillConfig
from distill.inner.networks import Networks
from distill.inner.optimisers import moments_of
from distill.inner.pool import Pool
from distill.inner.steps import Trainer
from distill.objectives.base import Objective
from distill.panel import Member
from reproduce.data import Dataset
from reproduce.images.deskew import upright
from reproduce.networks.models import unset
from reproduce.recipe import Recipe
from reproduce.training.schedule import learning_rate, steps_per_epoch

BLOCK = 64  # real images whose features are computed together: what stays in the cache
# Beside the pool stand its older networks, which a roll-back may return to, and both are in memory
# again while a checkpoint is written: measured.
POOLS = 5
REST = 0.02  # part of a training's learning rates after which nothing is left to learn


class NetworkObjective(Objective):
    """An objective on networks that are trained on the set: it keeps a pool of them."""

    def prepare(self) -> None:
        """Make a trainer and a pool."""
        self.trainer = self.trainer_of(self.networks_recipe(self.recipe), self.nets)
        self.pool = self.make_pool()

    @property
    def recipe(self) -> Recipe:
        """The member's recipe."""
        assert self.member.recipe
        return self.member.recipe

    def networks_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe by which networks are trained here: the member's own."""
        return recipe

    def trainer_of(self, recipe: Recipe, nets: int) -> Trainer:
        """A trainer of so many networks."""
        return Trainer(recipe, self.data.image_shape, self.classes, nets, self.synthetic.images)

    def make_pool(self) -> Pool:
        """A pool of networks of the ages that `ages` names."""
        steps = learning_steps(self.recipe, len(self.synthetic.images))
        return Pool(self.trainer, self.config, *self.ages(self.config, steps))

    @classmethod
    @abstractmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        """Ages of the youngest and of the oldest networks that `begin` draws.

        Parameters
        ----------
        config : DistillConfig
        steps : int
            In which a training by the member's recipe learns (`learning_steps`).
        """

    def begin(self, turn: int) -> None:
        """Begin a turn: take networks and real images."""
        super().begin(turn)
        self.slot, self.networks = self.pool.draw(turn, self.synthetic)
        self.seen = self.seen_real()

    def end(self) -> None:
        """End a turn: give the networks back, a little older."""
        self.pool.advance(self.slot, self.synthetic)

    @property
    def turnover(self) -> float:
        """That of the pool: `begin` trains a new network where an old one has retired."""
        return self.pool.turnover

    def state(self) -> Any:
        """The pool's state."""
        return self.pool.state()

    def restore(self, state: Any) -> None:
        """Restore the pool."""
        self.pool.restore(state, len(self.synthetic.images))

    def seen_real(self) -> Tensor:
        """The real images as networks see them when they are scored: upright and normalised."""
        return as_seen(self.recipe, self.real[0])

    def inputs(self) -> Tensor:
        """The set's images (n, 1, H, W) as networks see them, without shifts and augmentation."""
        images = self.synthetic.pixels()
        if self.recipe.deskew:
            images = upright(images[:, 0])[:, None]
        return (images - self.recipe.mean) / self.recipe.std

    @torch.no_grad()
    def real_features(self, networks: Networks, x: Tensor) -> Tensor:
        """Features (K, B, F) of real images, without a graph.

        They are computed block by block on a processor, whose cache is small, and in bfloat16
        under `--bf16`.
        """
        blocks = x.split(BLOCK, dim=1) if x.device.type == "cpu" else (x,)
        with torch.autocast(x.device.type, torch.bfloat16) if self.config.bf16 else nullcontext():
            parts = [self.trainer(networks, block)[0] for block in blocks]
        return torch.cat(parts, dim=1).to(x.dtype)

    @classmethod
    def standing_bytes(cls, config: DistillConfig, member: Member, data: Dataset) -> int:
        """As for other objectives, with the pool, which counts as `POOLS` of them."""
        recipe, classes = member.recipe, len(data.classes)
        assert recipe
        network = parameter_bytes(recipe, data.image_shape, classes)
        youngest, oldest = cls.ages(config, learning_steps(recipe, config.ipc * classes))
        slots = config.pool if oldest > youngest else 1
        pool = slots * (1 + moments_of(recipe)) * network
        kept = POOLS * pool + cls.stacks(classes) * network
        standing = super().standing_bytes(config, member, data)
        return standing + config.nets // ranks.join()[1] * kept

    @classmethod
    def stacks(cls, classes: int) -> int:
        """Stacks of networks beside the pool."""
        return 1


def as_seen(recipe: Recipe, pixels: Tensor) -> Tensor:
    """Real images (K, B, 1, H, W) as networks of a recipe see them: upright and normalised."""
    if recipe.deskew:
        pixels = upright(pixels.flatten(0, 2)).view_as(pixels)
    return (pixels - recipe.mean) / recipe.std


def steps_of(recipe: Recipe, images: int) -> int:
    """Steps of a whole training on a set of so many images."""
    return recipe.epochs * steps_per_epoch(recipe, images)


def learning_steps(recipe: Recipe, images: int) -> int:
    """Steps after which all but a part of `REST` of a training's learning rates is spent.

    The essay's rate falls so fast that the last two thirds of its training change nothing.
    """
    steps, per_epoch = steps_of(recipe, images), steps_per_epoch(recipe, images)
    if recipe.schedule == "list":
        return steps
    rates = [learning_rate(recipe, step // per_epoch + 1, step) for step in range(steps)]
    spent = np.cumsum(rates)
    return int(np.searchsorted(spent, (1 - REST) * spent[-1])) + 1


def parameter_bytes(recipe: Recipe, image_shape: tuple[int, int], classes: int) -> int:
    """Bytes of one network's parameters; nothing is allocated to find out."""
    with torch.device("meta"):
        stack = unset(recipe, image_shape, classes, 1)
    return sum(parameter.nbytes for parameter in stack.parameters())
