"""The pool: the training images that a search may choose from, by class, most typical first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reproduce.data import ImageSet
from reproduce.errors import UserError


@dataclass(frozen=True, eq=False)
class Pool:
    """Training images by class.

    Attributes
    ----------
    train : ImageSet
        The training split.
    members : tuple of ndarray, int64
        For each class, positions in the training split, nearest to the class's mean image first.
    """

    train: ImageSet
    members: tuple[np.ndarray, ...]

    @classmethod
    def typical(cls, train: ImageSet, fraction: float = 1.0, classes: int | None = None) -> Pool:
        """The `fraction` (0..1] of each class that lies nearest the class's pixel mean.

        `classes` is their number; it is needed where the last classes have no images.
        """
        if not 0 < fraction <= 1:
            raise UserError(f"pool {fraction}: give a fraction above 0 and up to 1")
        members = []
        for label in range(classes or int(train.labels.max()) + 1):
            positions = np.flatnonzero(train.labels == label)
            if not len(positions):
                members.append(positions)
                continue
            images = train.images[positions].reshape(len(positions), -1)
            distance = ((images - images.mean(0)) ** 2).sum(1)
            kept = max(1, round(fraction * len(positions)))
            members.append(positions[np.argsort(distance, kind="stable")[:kept]])
        return cls(train, tuple(members))

    def halved(self, rng: np.random.Generator, least: Sequence[int]) -> Pool:
        """A random half of every class, in the same order; class c keeps at least least[c]."""
        kept = []
        for members, wanted in zip(self.members, least, strict=True):
            size = max(wanted, -(-len(members) // 2))
            kept.append(members[np.sort(rng.choice(len(members), size, replace=False))])
        return Pool(self.train, tuple(kept))

    def pixels(self, positions: np.ndarray) -> np.ndarray:
        """Images at positions in the training split as rows (n, H W)."""
        return self.train.images[positions].reshape(
            len(positions), math.prod(self.train.images.shape[1:])
        )

    def canonical(self, indices: np.ndarray) -> np.ndarray:
        """The set in canonical order: sorted by class, then by position."""
        indices = np.asarray(indices, dtype=np.int64)
        return indices[np.lexsort((indices, self.train.labels[indices]))]

    def check(self, quotas: Sequence[int]) -> None:
        """Raise UserError where a class cannot give its quota, or would keep none to score on."""
        if len(quotas) != len(self.members):
            raise UserError(f"{len(quotas)} quotas for {len(self.members)} classes; give one each")
        if min(quotas) < 0 or sum(quotas) == 0:
            raise UserError("quotas are at least 0, and not all 0; use --ipc 1 or more")
        for label, (quota, members) in enumerate(zip(quotas, self.members, strict=True)):
            if quota > len(members):
                raise UserError(
                    f"{quota} images cannot be chosen from class {label}, of which the pool has "
                    f"{len(members)}; choose fewer, or a larger --pool"
                )
            if 0 < quota == int((self.train.labels == label).sum()):
                raise UserError(
                    f"class {label} has {quota} training images, which a set would hold all of: "
                    "none is left to score it on; choose fewer"
                )
