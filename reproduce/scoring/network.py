"""A network, or an ensemble of networks, as a learner."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from reproduce.candidate import Candidate
from reproduce.recipe import Recipe
from reproduce.scoring.fidelity import Fidelity
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.support.processes import importing
from reproduce.training import cost

if TYPE_CHECKING:
    from reproduce.networks.stack import Stack
    from reproduce.training import loop

CALLERS = 2  # threads that call PyTorch's operations without waiting for one another


@dataclass(frozen=True)
class Network(Learner):
    """What a recipe trains: a network, or an ensemble whose probabilities are averaged.

    PyTorch is imported where networks are trained: a process that hands them to its workers does
    without.

    Attributes
    ----------
    recipe : Recipe
    """

    recipe: Recipe
    trains_networks = True

    @property
    def gives_probabilities(self) -> bool:
        """A network gives probabilities where it is trained on the cross-entropy."""
        return self.recipe.loss == "cross-entropy"

    @property
    def threads(self) -> float:
        """Any number where compiled code does the work: it runs without Python's lock.

        PyTorch's operations hold the lock while they are called. Code of the user's and
        torchvision's policies draw from generators and set types that all threads share.
        """
        recipe = self.recipe
        if recipe.own or (recipe.distortion and recipe.distortion.policy):
            return 1
        return math.inf if recipe.has_compiled_step and recipe.augment == "none" else CALLERS

    def key(self) -> str:
        """The recipe's key."""
        return self.recipe.key()

    def changed_constants(self) -> Iterator[str]:
        """Constants of augmenting and setting upright, where it is done, and code of one's own."""
        if self.recipe.augment == "dc":
            from reproduce.images import augment

            yield augment.ON_RECORD.changes()
        if self.recipe.augment == "distort":
            from reproduce.images import distort

            yield distort.ON_RECORD.changes()
        if self.recipe.reads_upright:
            from reproduce.images import deskew

            yield deskew.ON_RECORD.changes()
        if self.recipe.own:
            from reproduce.networks import own

            yield own.code_of(self.recipe.model)

    def reduced(self, fidelity: Fidelity) -> Network:
        """As `Learner.reduced`."""
        cheap = fidelity.epochs, fidelity.members, fidelity.width
        return Network(self.recipe.reduced(*cheap))

    def largest_stack(self, candidate: Candidate, memory: float, most: int) -> int:
        """As many as fit the memory, each with its whole ensemble."""
        single = replace(self.recipe, ensemble=1)
        shape = candidate.images.shape[2:]
        each = cost.replicate_bytes(single, len(candidate), shape, candidate.classes)
        return max(1, min(most, int(memory / each)) // self.recipe.ensemble)

    def predict(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """As `Learner.predict`; an ensemble answers with its mean probabilities."""
        if self.recipe.ensemble > 1:
            return super().predict(replicates, images, where)
        with importing():
            from reproduce.training import evaluation
        return evaluation.predict(self.trained(replicates, where), self.recipe, images)

    def probabilities(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """As `Learner.probabilities`."""
        with importing():
            from reproduce.training import evaluation
        each = evaluation.probabilities(self.trained(replicates, where), self.recipe, images)
        # (K * ensemble, N, C) -> (K, N, C)
        return each.reshape(len(replicates), self.recipe.ensemble, *each.shape[1:]).mean(1)

    def trained(self, replicates: Sequence[Replicate], where: Where) -> Stack:
        """The trained networks: for each replicate `recipe.ensemble` neighbours."""
        for state in self.training(replicates, where):  # noqa: B007
            pass
        return state.model

    def training(self, replicates: Sequence[Replicate], where: Where) -> Iterator[loop.State]:
        """The networks after every epoch."""
        with importing():
            from reproduce.training import loop
        recipe = self.recipe
        sets = [one.candidate for one in replicates for _ in range(recipe.ensemble)]
        images = [candidate.images for candidate in sets]
        targets = [s.scores() if recipe.loss == "mse" else s.targets() for s in sets]
        seeds = [seed for one in replicates for seed in member_seeds(one.seed, recipe.ensemble)]
        return loop.train(recipe, images, targets, seeds, where.device, where.checkpoint)


def member_seeds(seed: int, ensemble: int) -> list[int]:
    """Seeds of the networks of one replicate: its own for a single network."""
    if ensemble == 1:
        return [seed]
    return [int(s) for s in np.random.SeedSequence([seed, ensemble]).generate_state(ensemble)]
