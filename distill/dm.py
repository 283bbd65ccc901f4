"""`dm`: the set's mean features equal real ones, class by class (Zhao and Bilen 2023)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from distill.objective import Objective
from distill.pool import real_batch


class DistributionMatching(Objective):
    """Squared distance of mean features under fresh random networks, summed over classes."""

    DEFAULTS: ClassVar[dict[str, Any]] = {
        "recipe": "convnet",
        "batch": 500,
        "reuse": 1,
        "image_lr": 0.01,
        "width": 128,
        "start": "real",
        "learn": "images",
    }

    def ages(self) -> tuple[int, int]:
        return 0, 0

    def draw_real(self, turn: int) -> tuple[Tensor, Tensor]:
        """As many of each class, class by class."""
        return balanced(self, turn)

    @torch.no_grad()
    def real_means(self) -> Tensor:
        """Mean features (K, C, F) of the real images of each class."""
        features = self.real_features(self.networks, self.real[0])
        return features.unflatten(1, (self.classes, -1)).mean(2)

    def begin(self, turn: int) -> None:
        super().begin(turn)
        self.means = self.real_means()

    def loss(self) -> Tensor:
        ours = self.trainer(self.networks.parameters, self.learned.inputs()[None])[0]
        distance = ours.unflatten(1, (self.classes, -1)).mean(2) - self.means
        return distance.square().sum((1, 2)).mean()


def balanced(objective: Objective, turn: int) -> tuple[Tensor, Tensor]:
    """Normalised real images (K, B, 1, H, W), as many of each class, and one-hot labels."""
    config, train = objective.config, objective.data.train
    assert config.batch is not None
    rng = np.random.default_rng([config.seed, turn, 4])
    each = max(1, config.batch // objective.classes)
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero(train.labels == label), (config.nets, each))
            for label in range(objective.classes)
        ],
        axis=1,
    )
    first = objective.rank * objective.trainer.nets
    mine = chosen[first : first + objective.trainer.nets]
    x, y = real_batch(train.images, train.labels, objective.classes, mine)
    return objective.seen(x, y)
