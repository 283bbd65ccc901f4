"""`krr`: ridge regression on the features of a pool of networks (FRePo, Zhou et al. 2022).

With cross-entropy under a learned temperature and a smooth activation (RCIG, Loo et al. 2023),
and features of one real batch for several updates (RFAD, Loo et al. 2022).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor

from distill.objective import STRENGTH, Objective, outer_cross_entropy, ridge_answers
from reproduce.recipe import Recipe


class KernelRidge(Objective):
    """Cross-entropy, on real images, of ridge regression from the set."""

    DEFAULTS: ClassVar[dict[str, Any]] = {
        "recipe": "ridge",
        "batch": 512,
        "reuse": 8,
        "image_lr": 5e-3,
        "width": 48,
        "inner_steps": 100,
        "window": 0,
        "start": "kmeans",
        "learn": "both",
    }

    def networks_recipe(self) -> Recipe:
        recipe = self.learned.recipe
        return replace(recipe, activation="softplus") if self.config.smooth else recipe

    def ages(self) -> tuple[int, int]:
        """The last half of a training: young networks want another set than trained ones."""
        steps = self.learned.recipe.epochs
        return steps // 2, steps

    def begin(self, turn: int) -> None:
        super().begin(turn)
        self.features = self.real_features(self.networks, self.real[0])

    def loss(self) -> Tensor:
        ours = self.trainer(self.networks.parameters, self.learned.inputs()[None])[0]
        strength = self.learned.recipe.ridge or STRENGTH
        answers = ridge_answers(ours, self.learned.labels(), self.features, strength)
        return outer_cross_entropy(answers, self.real[1], self.learned)
