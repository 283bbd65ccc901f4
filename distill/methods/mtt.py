"""`mtt`: training on the set follows training on real data (Cazenavette et al. 2022).

Dataset Distillation by Matching Training Trajectories, algorithm 1. Experts are networks that learn
from real images, and a trajectory is their parameters P[0], P[1], ..., some steps apart. A student
begins as an expert at a random place t, takes N steps on the set, and arrives at Q. The set and its
learning rates minimise

    |Q - P[t + M]|^2 / |P[t] - P[t + M]|^2

over all parameters; the gradient passes through the N steps. Their settings: 200 experts of 50
epochs of SGD, a rate of 0.01, batches of 256, M = 2 epochs, N from 10 to 80, SGD on the set. What
differs:

1. Experts are few and short, and see 128 images a step (`--batch`), so that they are made in a
   minute or a few. Each is made when it is first needed.
2. `--window` is N; without it a student takes all steps of the recipe. It has the recipe's
   momentum, and a rate for each step where the recipe lists them; theirs learns one rate.
3. Students see the recipe's batches and augmentation, and Adam learns the set.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from distill import ranks
from distill.config import DistillConfig
from distill.inner.networks import Networks
from distill.methods import Method, Stage, unroll
from distill.methods.unroll import Unroll
from distill.objectives.networks import parameter_bytes
from distill.panel import Member
from reproduce.data import Dataset
from reproduce.recipe import Recipe

EXPERTS, PLACES, APART = 6, 8, 10  # stacks of experts; places after the first; steps between them
LATER, RATE = 4, 0.1  # M, in places; an expert's learning rate


class TrajectoryMatching(Unroll):
    """Squared distance of students from where experts came, in units of the experts' way."""

    def prepare(self) -> None:
        super().prepare()
        self.teacher = self.trainer_of(
            expert_recipe(self.recipe, self.config.batch or 1), self.nets
        )
        self.experts: dict[int, list[Networks]] = {}
        self.seconds = 0.0  # that the last expert took

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, 0

    @classmethod
    def refused(cls, config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
        if any(member.recipe and member.recipe.loss == "mse" for member in panel):
            reason = f"experts of {config.method} learn by the cross-entropy; use sgd or convnet"
            yield "protocols", reason

    @classmethod
    def standing_bytes(cls, config: DistillConfig, member: Member, data: Dataset) -> int:
        """As for other objectives, with all trajectories."""
        assert member.recipe
        network = parameter_bytes(member.recipe, data.image_shape, len(data.classes))
        trajectories = EXPERTS * (PLACES + 1) * network * (config.nets // ranks.join()[1])
        return super().standing_bytes(config, member, data) + trajectories

    def begin(self, turn: int) -> None:
        """Begin a turn: put students where experts once were."""
        self.turn = turn
        rng = np.random.default_rng([self.config.seed, turn, 10])
        trajectory = self.trajectory(int(rng.integers(EXPERTS)))
        place = int(rng.integers(PLACES - LATER + 1))
        begun, self.target = trajectory[place], trajectory[place + LATER].parameters
        fresh = self.trainer.fresh(self.seeds(turn, 11), len(self.synthetic.images))
        self.networks = replace(fresh, parameters=begun.parameters, buffers=begun.buffers)

    def end(self) -> None:
        return

    def seeds(self, *purpose: int) -> list[int]:
        """Seeds of this process's networks among those of all processes."""
        rng = np.random.default_rng([self.config.seed, *purpose])
        drawn = rng.integers(2**31, size=self.config.nets)[self.rank * self.nets :]
        return [int(seed) for seed in drawn[: self.nets]]

    def trajectory(self, number: int) -> list[Networks]:
        """An expert's networks at all places; it is trained when it is first asked for."""
        if number not in self.experts:
            started = time.monotonic()
            networks = self.teacher.fresh(self.seeds(number, 12), self.config.batch or 1)
            found = [networks]
            for place in range(PLACES):
                first = (number * PLACES + place) * APART
                networks = self.taught(networks, range(first, first + APART))
                found.append(networks)
            self.experts[number] = found
            self.seconds = time.monotonic() - started
        return self.experts[number]

    def taught(self, networks: Networks, batches: Sequence[int]) -> Networks:
        """An expert after a step on each of these real batches."""
        assert networks.draws
        draws, rates = networks.draws.copied(), self.synthetic.rates().detach()
        for number in batches:
            self.real = self.draw_real(number)
            x, y = self.seen_real(), self.real[1]
            networks = self.teacher.step(networks, x, y, draws.next(), rates, graph=False)
        return replace(networks, draws=draws)

    def judged(self, networks: Networks) -> Tensor:
        """How far students are from the target, in units of how far they were."""
        missed = distances(networks.parameters, self.target)
        return (missed / distances(self.networks.parameters, self.target)).mean()

    def ways(self) -> list[str]:
        taken = f"{EXPERTS} experts take {EXPERTS * self.seconds:,.0f} s, each when it is needed"
        return [*super().ways(), taken]


def distances(some: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Squared distances (K,) of networks' parameters."""
    each = [(a - b).flatten(1).square().sum(1) for a, b in zip(some, others, strict=True)]
    return torch.stack(each).sum(0)


def expert_recipe(recipe: Recipe, batch: int) -> Recipe:
    """How experts learn: the recipe's network by plain SGD on real batches."""
    return replace(
        recipe,
        epochs=PLACES * APART,
        batch=batch,
        reshuffle=False,
        lr=RATE,
        momentum=0.0,
        weight_decay=0.0,
        schedule="constant",
        learning_rates=(),
        shifts=0,
        augment="none",
        distortion=None,
        warmup=0,
        optimiser="sgd",
    )


METHOD = Method((Stage(TrajectoryMatching),), unroll.METHOD.settings | {"batch": 128})
