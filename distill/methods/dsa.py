"""`dsa`: gradients match under one augmentation of both batches (Zhao and Bilen 2021).

Dataset Condensation with Differentiable Siamese Augmentation, algorithm 1: the set S minimises

    D(gradient of L(A(S, w)), gradient of L(A(T, w)))

class by class, where T are real images, D is the distance of `dc`, and A is a change with
parameters w that are drawn anew for each class at every iteration. The change is the same for both
batches, and the gradient passes through it. Their settings: one change of the family at a time, 256
real images of each class, SGD at a rate of 0.1 with momentum 0.5 on the images, 1,000 iterations.
What differs:

1. The set is learned by Adam, on 50 real images of each class.
2. Networks in training are shown the protocol's augmentation, theirs this one.
3. The set is scored by the field's protocol with the augmentation of Dataset Condensation.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from distill.inner import augment
from distill.methods import Method, Stage
from distill.methods.dc import GradientMatching
from distill.objectives.matching import SETTINGS


class SiameseMatching(GradientMatching):
    """What `GradientMatching` computes, of images that one change of each class has augmented."""

    def begin(self, turn: int) -> None:
        rng = np.random.default_rng([self.config.seed, turn, 9])
        self.changes = [augment.drawn(rng) for _ in range(self.classes)]
        super().begin(turn)

    def seen_real(self) -> Tensor:
        return self.augmented(super().seen_real())

    def inputs(self) -> Tensor:
        return self.augmented(super().inputs())

    def augmented(self, x: Tensor) -> Tensor:
        """Normalised images (..., n, 1, H, W), class by class, each class changed alike."""
        parts = x.unflatten(-4, (self.classes, -1)).unbind(-5)
        changed = [
            change(part.flatten(0, -4)).view_as(part)
            for change, part in zip(self.changes, parts, strict=True)
        ]
        return torch.cat(changed, dim=-4)


METHOD = Method((Stage(SiameseMatching),), SETTINGS)
