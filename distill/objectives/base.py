"""What an outer objective is, and what several of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.config import DistillConfig
from distill.estimate import Crowd, kept_bytes, too_large
from distill.inner.followed import check_followed
from distill.inner.pool import Pool, real_batch
from distill.inner.steps import Networks, Trainer
from distill.synthetic import SyntheticSet
from reproduce.data import Dataset
from reproduce.recipe import Recipe
from reproduce.training.last_layer import dual_weights

STRENGTH = 1e-5  # of the ridge, where the recipe names none: descent tends to a vanishing one
BLOCK = 64  # real images whose features are computed together: what stays in the cache


class Objective(ABC):
    """How good the set is, as a number that has a gradient. One subclass for each method.

    The distiller calls `begin` with numbers 0, 1, 2, ..., each time followed by `reuse` times
    `loss` and an update of the set, and by `end`. All chance follows from the number.

    Attributes
    ----------
    DEFAULTS : dict
        Settings that suit the method, where the user gave none.
    OBEYS : tuple of str
        Those of the options window, smooth and bf16 that it takes notice of.
    """

    DEFAULTS: ClassVar[dict[str, Any]] = {}
    OBEYS: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        data: Dataset,
        config: DistillConfig,
        learned: SyntheticSet,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.data, self.config, self.learned = data, config, learned
        self.rank, self.ranks = rank, ranks
        self.classes = len(data.classes)
        self.trainer = Trainer(
            self.networks_recipe(),
            data.image_shape,
            self.classes,
            config.nets // ranks,
            learned.images,
        )
        self.pool = self.make_pool()
        if self.pool.oldest:
            check_followed(learned.recipe, len(learned.images))

    def networks_recipe(self) -> Recipe:
        """The recipe by which networks are trained here: the set's own."""
        return self.learned.recipe

    def make_pool(self) -> Pool:
        """A pool of networks of the ages that `ages` names."""
        config = self.config
        return Pool(
            self.trainer,
            config.pool,
            *self.ages(config, self.learned.recipe.epochs),
            config.stride,
            config.seed,
            self.rank,
            self.ranks,
        )

    @classmethod
    @abstractmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        """Ages of the youngest and of the oldest networks that `begin` draws.

        Parameters
        ----------
        config : DistillConfig
        steps : int
            Of a whole training by the set's recipe.
        """

    def begin(self, turn: int) -> None:
        """Take networks and real images."""
        self.turn = turn
        self.slot, self.networks = self.pool.draw(turn, self.learned)
        self.real = self.draw_real(turn)

    @abstractmethod
    def loss(self) -> Tensor:
        """The objective, a scalar with a graph to the learned parameters."""

    def end(self) -> None:
        """Give the networks back, a little older."""
        self.pool.advance(self.slot, self.turn, self.learned)

    def draw_real(self, turn: int) -> tuple[Tensor, Tensor]:
        """Normalised images (K, B, 1, H, W) and one-hot labels (K, B, C), new at every turn."""
        assert self.config.batch is not None
        rng = np.random.default_rng([self.config.seed, turn, 4])
        size = (self.config.nets, self.config.batch)
        first = self.rank * self.trainer.nets
        chosen = rng.integers(len(self.data.train), size=size)[first : first + self.trainer.nets]
        train = self.data.train
        return self.seen(*real_batch(train.images, train.labels, self.classes, chosen))

    def seen(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Real images as networks see them, and their labels, where the set is."""
        x, y = x.to(self.learned.images), y.to(self.learned.images)
        return (x - self.learned.recipe.mean) / self.learned.recipe.std, y

    @classmethod
    def crowd(cls, config: DistillConfig, steps: int, classes: int, ranks: int) -> Crowd:
        """What stands beside the set in one of so many processes; `steps` as for `ages`."""
        youngest, oldest = cls.ages(config, steps)
        nets = config.nets // ranks
        slots = config.pool if oldest > youngest else 1
        return Crowd(nets, slots, nets * cls.stacks(classes), config.batch or 0)

    @classmethod
    def stacks(cls, classes: int) -> int:
        """Stacks of networks beside the pool."""
        return 1

    def fit(self, room: int) -> int:
        """Choose how to compute so as to stay within so many bytes; bytes that an update takes.

        Raises
        ------
        UserError
            When there is no way to.
        """
        begun = kept_bytes(lambda: self.begin(0))
        needed = max(begun, 2 * kept_bytes(self.loss))  # as much again for gradients
        if needed > room:
            raise too_large(needed - room)
        return needed

    def ways(self) -> list[str]:
        """How `fit` decided to compute, in words."""
        return []

    @torch.no_grad()
    def real_features(self, networks: Networks, x: Tensor) -> Tensor:
        """Features (K, B, F) of real images, without a graph.

        Block by block on a processor, whose cache is small; in bfloat16 where that was asked for.
        """
        blocks = x.split(BLOCK, dim=1) if x.device.type == "cpu" else (x,)
        with torch.autocast(x.device.type, torch.bfloat16) if self.config.bf16 else nullcontext():
            parts = [self.trainer(networks.parameters, block)[0] for block in blocks]
        return torch.cat(parts, dim=1).to(x.dtype)


def outer_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of logits (K, B, C) with probabilities y."""
    return -(y * F.log_softmax(logits, dim=-1)).sum(-1).mean()


def ridge_answers(
    features: Tensor, labels: Tensor, real_features: Tensor, strength: float
) -> Tensor:
    """Answers (K, B, C) of ridge regression from the set's features (K, n, F) to labels (n, C).

    The solve is in float64, all else as the features are.
    """
    kernel = (features @ features.transpose(1, 2)).double()
    cross = real_features @ features.transpose(1, 2)
    return cross @ dual_weights(kernel, labels.double()[None], strength).to(cross.dtype)
