"""`dm`: the set's mean features equal real ones, class by class (Zhao and Bilen 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from distill.config import DistillConfig
from distill.objectives.matching import Matching


class DistributionMatching(Matching):
    """Squared distance of mean features under fresh random networks, summed over classes."""

    OBEYS = ("bf16",)

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, 0

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
