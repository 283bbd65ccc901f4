"""How good a set is, and what the methods share to find out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from distill import ranks
from distill.config import DistillConfig
from distill.panel import Member
from distill.synthetic import SyntheticSet
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.images.deskew import upright
from reproduce.images.distort import distort, draw
from reproduce.images.distortion import Distortion
from reproduce.training.last_layer import dual_weights

STRENGTH = 1e-5  # of the ridge, where the recipe names none: descent tends to a vanishing one


class Objective(ABC):
    """How good the set is for one learner, as a number that has a gradient.

    The distiller calls `begin` with the number of a turn. The turn goes on with `reuse` times
    `loss` and an update of the set, and closes with `end`. All random numbers follow from the turn.
    `begin` and `loss` may be tried out without an `end`, to measure what they take, so whatever
    `state` describes changes in `end` alone.

    Parameters
    ----------
    data : Dataset
    config : DistillConfig
        Of the stage, filled.
    synthetic : SyntheticSet
    panel : sequence of Member
    number : int
        Which member of the panel this objective is for.

    Attributes
    ----------
    OBEYS : tuple of str
        Those of `distill.options.SPECIFIC` that the objective uses; the others are refused.
    """

    OBEYS: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        data: Dataset,
        config: DistillConfig,
        synthetic: SyntheticSet,
        panel: Sequence[Member],
        number: int,
    ) -> None:
        self.data, self.config, self.synthetic = data, config, synthetic
        self.member, self.number = panel[number], number
        self.classes = len(data.classes)
        self.rank, self.processes = ranks.join()
        self.nets = config.nets // self.processes
        self.prepare()

    def prepare(self) -> None:
        """Make what the objective needs beside the data, the settings and the set."""
        return

    @classmethod
    def refused(cls, config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
        """Options without effect here, each with the reason; refused where the user gave them.

        Parameters
        ----------
        config : DistillConfig
            As the user gave it.
        panel : sequence of Member
        """
        yield from ()

    @classmethod
    def check_batch(cls, batch: int, data: Dataset) -> None:
        """Raise UserError where real batches cannot have this size."""
        real = len(data.train)
        if batch > real:
            raise UserError(f"--batch is {batch}, use at most the {real} real images")

    def begin(self, turn: int) -> None:
        """Begin a turn: take real images."""
        self.turn = turn
        self.real = self.draw_real(turn)

    @abstractmethod
    def loss(self) -> Tensor:
        """The objective, a scalar with a graph to the learned parameters."""

    def end(self) -> None:
        """End a turn."""
        return

    @property
    def turnover(self) -> float:
        """How many times as long as `end` the networks take in the mean over many turns.

        1 where every turn takes as long as any other.
        """
        return 1.0

    def state(self) -> Any:
        """What a resumed run needs, as tensors, plain values and containers.

        It is kept while the run goes on: give a copy of what changes in place.
        """
        return None

    def restore(self, state: Any) -> None:
        """Take up what `state` gave; ValueError where it is of another objective."""
        if state is not None:
            raise ValueError("state of an objective that has none")

    def draw_real(self, turn: int) -> tuple[Tensor, Tensor]:
        """Pixels (K, B, 1, H, W) and one-hot labels (K, B, C), new at every turn.

        Each process draws for the networks of all processes and keeps the part for its own.
        """
        rng = np.random.default_rng([self.config.seed, turn, 4])
        first, train = self.rank * self.nets, self.data.train
        chosen = self.positions(rng)[first : first + self.nets]
        pixels = torch.from_numpy(train.images[chosen.ravel()]).unflatten(0, chosen.shape)
        labels = F.one_hot(torch.from_numpy(train.labels[chosen]), self.classes)
        like = self.synthetic.images
        return self.distorted(pixels.to(like), labels.to(like), turn)

    def distorted(self, pixels: Tensor, labels: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """Real images and their labels with the distortions of `--distort`, and in the frame."""
        if not self.config.distort:
            return pixels, labels
        rng = np.random.default_rng([self.config.seed, turn, 9])
        first, seeds = self.rank * self.nets, rng.integers(2**62, size=self.config.nets)
        own = [torch.Generator().manual_seed(int(n)) for n in seeds[first : first + self.nets]]
        how = Distortion().changed(self.config.distort)
        drawn = draw(how, pixels.shape[1], self.data.image_shape, own)
        pixels, labels = distort(pixels, labels, how, drawn)
        if self.member.frame == "deskew":
            pixels = upright(pixels.flatten(0, 2)).view_as(pixels)
        return pixels, labels

    def positions(self, rng: np.random.Generator) -> np.ndarray:
        """Positions (nets, B) of real images in the training split, for all processes."""
        assert self.config.batch is not None
        return rng.integers(len(self.data.train), size=(self.config.nets, self.config.batch))

    @classmethod
    def standing_bytes(cls, config: DistillConfig, member: Member, data: Dataset) -> int:
        """About what a process keeps between updates; nothing is allocated to find out.

        Two real batches, and the set ten times: as it is, its mean and the best, moments, and all
        of it once more for the state to roll back to.

        Raises
        ------
        UserError
            When images are too small for the network.
        """
        classes, pixels = len(data.classes), math.prod(data.image_shape)
        real = 2 * 4 * (config.batch or 0) * pixels
        synthetic = 4 * config.ipc * classes * (pixels + classes)
        return config.nets // ranks.join()[1] * real + 10 * synthetic

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
