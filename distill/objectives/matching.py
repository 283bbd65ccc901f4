"""What objectives share that match the set with real images, class by class."""

from __future__ import annotations

from typing import Any

import numpy as np

from distill.objectives.networks import NetworkObjective
from reproduce.data import Dataset
from reproduce.errors import UserError

SETTINGS: dict[str, Any] = {
    "protocols": ("convnet",),
    "batch": 500,
    "reuse": 1,
    "image_lr": 0.01,
    "width": 128,
    "start": "real",
    "learn": "images",
}


class Matching(NetworkObjective):
    """Real batches have as many images of each class, class by class, as the set has."""

    @classmethod
    def check_batch(cls, batch: int, data: Dataset) -> None:
        """Raise UserError where the classes cannot have equal parts of a batch."""
        super().check_batch(batch, data)
        classes = len(data.classes)
        if batch % classes:
            raise UserError(f"--batch is {batch}, use a multiple of the {classes} classes")

    def positions(self, rng: np.random.Generator) -> np.ndarray:
        """Positions (nets, B) of real images in the training split, class by class."""
        assert self.config.batch is not None
        each, labels = max(1, self.config.batch // self.classes), self.data.train.labels
        members = [np.flatnonzero(labels == label) for label in range(self.classes)]
        return np.concatenate([rng.choice(of, (self.config.nets, each)) for of in members], axis=1)
