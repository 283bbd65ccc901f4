"""The objective: how good a set is, as a number with a gradient, and what all objectives share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from distill import ranks
from distill.config import DistillConfig
from distill.inner.pool import Pool
from distill.inner.steps import Networks, Trainer, check_followed, moments_of
from distill.synthetic import SyntheticSet
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.networks.models import MODELS
from reproduce.recipe import Recipe
from reproduce.training.last_layer import dual_weights

STRENGTH = 1e-5  # of the ridge, where the recipe names none: descent tends to a vanishing one
BLOCK = 64  # real images whose features are computed together: what stays in the cache
# Beside the pool stand its older networks, which a roll-back may return to, and both are in memory
# again while a checkpoint is written: measured.
POOLS = 5


class Objective(ABC):
    """How good the set is, as a number that has a gradient.

    The distiller calls `begin` with the turns 0, 1, 2, ... Each turn goes on with `reuse` times
    `loss` and an update of the set, and closes with `end`. All random numbers follow from the turn.

    Attributes
    ----------
    OBEYS : tuple of str
        Those of `distill.options.SPECIFIC` that the objective uses; the others are refused.
    """

    OBEYS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, data: Dataset, config: DistillConfig, synthetic: SyntheticSet) -> None:
        self.data, self.config, self.synthetic = data, config, synthetic
        self.classes = len(data.classes)
        self.rank, processes = ranks.join()
        recipe, nets = self.networks_recipe(), config.nets // processes
        self.trainer = Trainer(recipe, data.image_shape, self.classes, nets, synthetic.images)
        self.pool = self.make_pool()
        if self.pool.oldest:
            check_followed(synthetic.recipe, len(synthetic.images))

    def networks_recipe(self) -> Recipe:
        """The recipe by which networks are trained here: the set's own."""
        return self.synthetic.recipe

    def make_pool(self) -> Pool:
        """A pool of networks of the ages that `ages` names."""
        ages = self.ages(self.config, self.synthetic.recipe.epochs)
        return Pool(self.trainer, self.config, *ages)

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

    @classmethod
    def refused(cls, config: DistillConfig) -> Iterator[tuple[str, str]]:
        """Options without effect here, each with the reason; refused where the user gave them.

        Parameters
        ----------
        config : DistillConfig
            As the user gave it.
        """
        yield from ()

    @classmethod
    def check_batch(cls, batch: int, data: Dataset) -> None:
        """Raise UserError where real batches cannot have this size."""
        real = len(data.train)
        if batch > real:
            raise UserError(f"--batch is {batch}, use at most the {real} real images")

    def begin(self, turn: int) -> None:
        """Begin a turn: take networks and real images."""
        self.turn = turn
        self.slot, self.networks = self.pool.draw(turn, self.synthetic)
        self.real = self.draw_real(turn)

    @abstractmethod
    def loss(self) -> Tensor:
        """The objective, a scalar with a graph to the learned parameters."""

    def end(self) -> None:
        """End a turn: give the networks back, a little older."""
        self.pool.advance(self.slot, self.turn, self.synthetic)

    def draw_real(self, turn: int) -> tuple[Tensor, Tensor]:
        """Normalised images (K, B, 1, H, W) and one-hot labels (K, B, C), new at every turn.

        Each process draws for the networks of all processes and keeps the part for its own.
        """
        rng = np.random.default_rng([self.config.seed, turn, 4])
        first, train = self.rank * self.trainer.nets, self.data.train
        chosen = self.positions(rng)[first : first + self.trainer.nets]
        pixels = torch.from_numpy(train.images[chosen.ravel()]).unflatten(0, chosen.shape)
        labels = F.one_hot(torch.from_numpy(train.labels[chosen]), self.classes)
        like, recipe = self.synthetic.images, self.synthetic.recipe
        return (pixels.to(like) - recipe.mean) / recipe.std, labels.to(like)

    def positions(self, rng: np.random.Generator) -> np.ndarray:
        """Positions (nets, B) of real images in the training split, for all processes."""
        assert self.config.batch is not None
        return rng.integers(len(self.data.train), size=(self.config.nets, self.config.batch))

    @torch.no_grad()
    def real_features(self, networks: Networks, x: Tensor) -> Tensor:
        """Features (K, B, F) of real images, without a graph.

        They are computed block by block on a processor, whose cache is small, and in bfloat16
        under `--bf16`.
        """
        blocks = x.split(BLOCK, dim=1) if x.device.type == "cpu" else (x,)
        with torch.autocast(x.device.type, torch.bfloat16) if self.config.bf16 else nullcontext():
            parts = [self.trainer(networks.parameters, block)[0] for block in blocks]
        return torch.cat(parts, dim=1).to(x.dtype)

    @classmethod
    def standing_bytes(cls, config: DistillConfig, recipe: Recipe, data: Dataset) -> int:
        """About what a process keeps between updates; nothing is allocated to find out.

        The pool counts as `POOLS` of them; the set ten times: as it is, its mean and the best,
        moments, and all of it once more for the state to roll back to.

        Raises
        ------
        UserError
            When images are too small for the network.
        """
        classes, pixels = len(data.classes), math.prod(data.image_shape)
        with torch.device("meta"):
            stack = MODELS[recipe.model](1, data.image_shape, classes, recipe)
        network = sum(parameter.nbytes for parameter in stack.parameters())
        nets = config.nets // ranks.join()[1]
        youngest, oldest = cls.ages(config, recipe.epochs)
        slots = config.pool if oldest > youngest else 1
        pool = slots * (1 + moments_of(recipe)) * network
        real = 2 * 4 * (config.batch or 0) * pixels
        synthetic = 4 * config.ipc * classes * (pixels + classes)
        return nets * (POOLS * pool + cls.stacks(classes) * network + real) + 10 * synthetic

    @classmethod
    def stacks(cls, classes: int) -> int:
        """Stacks of networks beside the pool."""
        return 1

    def fit(self, room: int) -> int:
        """Choose how to compute within so many bytes; returns the bytes that an update takes.

        Raises
        ------
        UserError
            When there is no way to.
        """
        begun = saved_bytes(lambda: self.begin(0))
        needed = max(begun, 2 * saved_bytes(self.loss))  # as much again for gradients
        if needed > room:
            raise too_large(needed - room)
        return needed

    def ways(self) -> list[str]:
        """How `fit` decided to compute, in words."""
        return []


def saved_bytes(compute: Callable[[], Any]) -> int:
    """Bytes of the distinct tensors that the graph of `compute()` keeps for the backward pass."""
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = compute()  # alive while we count, so that no address is used twice
    del result
    return sum(sizes.values())


def too_large(excess: int) -> UserError:
    """The error where no way of computing fits, by so many bytes."""
    return UserError(
        f"the run takes at least {excess / 2**30:.2g} GiB more than it has; give more --memory, or "
        "a smaller --batch, --width or --pool"
    )


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
