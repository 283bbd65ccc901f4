"""`dm`: the set's mean features equal real ones, class by class (Zhao and Bilen 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from distill.config import DistillConfig
from distill.methods import Method, Stage
from distill.objectives.matching import SETTINGS, Matching
from distill.panel import Member


class DistributionMatching(Matching):
    """Squared distance of mean features under fresh random networks, summed over classes."""

    OBEYS = ("bf16",)

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, 0

    @classmethod
    def refused(cls, config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
        if config.learn != "images":
            yield "learn", "dm compares features, which do not depend on labels"

    def begin(self, turn: int) -> None:
        super().begin(turn)
        self.means = self.real_means()

    @torch.no_grad()
    def real_means(self) -> Tensor:
        """Mean features (K, C, F) of the real images of each class."""
        features = self.real_features(self.networks, self.seen)
        return features.unflatten(1, (self.classes, -1)).mean(2)

    def loss(self) -> Tensor:
        ours = self.trainer(self.networks, self.inputs()[None])[0]
        distance = ours.unflatten(1, (self.classes, -1)).mean(2) - self.means
        return distance.square().sum((1, 2)).mean()


METHOD = Method((Stage(DistributionMatching),), SETTINGS)
