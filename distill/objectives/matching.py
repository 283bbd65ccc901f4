"""What objectives share that match the set with real images, class by class."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from distill.inner.pool import real_batch
from distill.objectives.base import Objective


class Matching(Objective):
    """Real batches have as many images of each class, class by class, as the set has."""

    DEFAULTS: ClassVar[dict[str, Any]] = {
        "recipe": "convnet",
        "batch": 500,
        "reuse": 1,
        "image_lr": 0.01,
        "width": 128,
        "start": "real",
        "learn": "images",
    }

    def draw_real(self, turn: int) -> tuple[Tensor, Tensor]:
        """Normalised images (K, B, 1, H, W) and one-hot labels (K, B, C), new at every turn."""
        config, train = self.config, self.data.train
        assert config.batch is not None
        rng = np.random.default_rng([config.seed, turn, 4])
        each = max(1, config.batch // self.classes)
        chosen = np.concatenate(
            [
                rng.choice(np.flatnonzero(train.labels == label), (config.nets, each))
                for label in range(self.classes)
            ],
            axis=1,
        )
        first = self.rank * self.trainer.nets
        mine = chosen[first : first + self.trainer.nets]
        return self.seen(*real_batch(train.images, train.labels, self.classes, mine))
