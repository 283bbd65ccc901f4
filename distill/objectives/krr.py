"""`krr`: ridge regression on the features of a pool of networks (FRePo, Zhou et al. 2022).

With cross-entropy under a learned temperature and a smooth activation (RCIG, Loo et al. 2023),
and features of one real batch for several updates (RFAD, Loo et al. 2022).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from distill.config import DistillConfig
from distill.inner.augment import views
from distill.objectives.base import STRENGTH, Objective, outer_cross_entropy, ridge_answers
from reproduce.recipe import Recipe

OLDEST = 200  # steps: where training is longer, later ones change features little
COPIES = 4  # of each image, otherwise augmented, where the recipe augments


class KernelRidge(Objective):
    """Cross-entropy, on real images, of ridge regression from the set."""

    OBEYS = ("smooth", "bf16")

    DEFAULTS: ClassVar[dict[str, Any]] = {
        "recipe": "ridge",
        "batch": 512,
        "reuse": 8,
        "image_lr": 5e-3,
        "width": 48,
        "start": "kmeans",
        "learn": "both",
    }

    def networks_recipe(self) -> Recipe:
        recipe = self.learned.recipe
        return replace(recipe, activation="softplus") if self.config.smooth else recipe

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        """The last half of a training: young networks want another set than trained ones."""
        steps = min(steps, OLDEST)
        return steps // 2, steps

    def begin(self, turn: int) -> None:
        super().begin(turn)
        self.features = self.real_features(self.networks, self.real[0])

    def loss(self) -> Tensor:
        learned, parameters = self.learned, self.networks.parameters
        x, copies = learned.inputs(), 1 if learned.recipe.augment == "none" else COPIES
        drawn = views(self.trainer, x, copies, [self.config.seed, self.turn, 7, self.rank])
        ours = torch.cat([self.trainer(parameters, view(x))[0] for view in drawn], dim=1)
        labels = learned.scores().repeat(copies, 1)
        answers = ridge_answers(ours, labels, self.features, learned.recipe.ridge or STRENGTH)
        return outer_cross_entropy(learned.logits(answers), self.real[1])
