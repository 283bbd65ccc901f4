"""The pool: which training images a search may choose from, by class, most typical first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reproduce.data import ImageSet
from reproduce.errors import UserError


@dataclass(frozen=True)
class Pool:
    """Training images by class.

    Attributes
    ----------
    members : tuple of ndarray, int64
        For each class, positions in the training split, nearest to the class's mean image first.
    """

    members: tuple[np.ndarray, ...]

    @classmethod
    def typical(cls, train: ImageSet, fraction: float = 1.0) -> Pool:
        """The `fraction` (0..1] of each class that lies nearest the class's pixel mean."""
        if not 0 < fraction <= 1:
            raise UserError(f"pool {fraction}: give a fraction above 0 and up to 1")
        members = []
        for label in np.unique(train.labels):
            positions = np.flatnonzero(train.labels == label)
            images = train.images[positions].reshape(len(positions), -1)
            distance = ((images - images.mean(0)) ** 2).sum(1)
            kept = max(1, round(fraction * len(positions)))
            members.append(positions[np.argsort(distance, kind="stable")[:kept]])
        return cls(tuple(members))

    def check(self, ipc: int) -> None:
        """Raise UserError where a class has fewer than `ipc` images in the pool."""
        smallest = min(map(len, self.members))
        if not 0 < ipc <= smallest:
            raise UserError(
                f"{ipc} images per class cannot be chosen from a pool whose smallest class has "
                f"{smallest}; use 1 to {smallest}, or a larger --pool"
            )
