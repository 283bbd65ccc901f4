"""`krr`: ridge regression on the features of a pool of networks (FRePo, Zhou et al. 2022).

With cross-entropy under a learned temperature, and features of one real batch for several updates
(both of RFAD, Loo et al. 2022), and a smooth activation (RCIG, Loo et al. 2023).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from distill.config import DistillConfig
from distill.methods import Method, Stage
from distill.objectives.base import STRENGTH, outer_cross_entropy, ridge_answers
from distill.objectives.networks import NetworkObjective
from reproduce.recipe import Recipe
from reproduce.training.batches import training_targets

OLDEST = 200  # steps: where training is longer, later ones change features little
COPIES = 4  # of each image, otherwise augmented, where the recipe augments


class KernelRidge(NetworkObjective):
    """Cross-entropy, on real images, of ridge regression from the set."""

    OBEYS: ClassVar[tuple[str, ...]] = ("smooth", "bf16")

    def networks_recipe(self, recipe: Recipe) -> Recipe:
        return replace(recipe, activation="softplus") if self.config.smooth else recipe

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        """The last half of a training: young networks want another set than trained ones."""
        steps = min(steps, OLDEST)
        return steps // 2, steps

    def begin(self, turn: int) -> None:
        super().begin(turn)
        self.real_seen = self.real_features(self.networks, self.seen)

    def features(self, x: Tensor) -> Tensor:
        """What regression is on: features (K, n, F) of normalised images, with their graph."""
        return self.trainer(self.networks, x)[0]

    def loss(self) -> Tensor:
        recipe = self.recipe
        copies = 1 if recipe.augment == "none" else COPIES
        seeds = [[self.config.seed, self.turn, 7, self.rank, copy] for copy in range(copies)]
        shown = [self.trainer.view(self.synthetic, seed) for seed in seeds]
        ours = torch.cat([self.features(view) for view in shown], dim=1)
        labels = training_targets(recipe, self.synthetic.scores()).repeat(copies, 1)
        answers = ridge_answers(ours, labels, self.real_seen, recipe.ridge or STRENGTH)
        return outer_cross_entropy(self.synthetic.logits(answers, self.number), self.real[1])


METHOD = Method(
    (Stage(KernelRidge),),
    {
        "protocols": ("ridge",),
        "batch": 512,
        "reuse": 8,
        "image_lr": 5e-3,
        "width": 48,
        "start": "kmeans",
        "learn": "both",
    },
    surrogates=True,
)
