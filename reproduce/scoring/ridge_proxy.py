"""Proxies: ridge regression on features of random conv nets, a solve instead of a training.

The kernel between a pool of images and the scoring images is computed once. After that, each
subset of the pool costs one small linear solve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.errors import UserError
from reproduce.networks.models import build
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.scoring.learners import Answer, Learner, Replicate, Where

POOL = 4000  # training images of one kernel
BLOCK = 64  # images whose features are computed together
MOST_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Ridge(Learner):
    """Ridge regression on features of freshly initialised networks.

    Attributes
    ----------
    recipe : Recipe
        Model and input normalisation; nothing is trained.
    nets : int
        Networks whose kernels are averaged.
    strength : float
        Ridge, in units of the mean of the subset's kernel diagonal; above 0.
    """

    recipe: Recipe
    nets: int = 16
    strength: float = 1.0

    @property
    def shares_kernel(self) -> bool:
        """One kernel serves all sets of a seed."""
        return True

    def key(self) -> str:
        """The settings, and the recipe's key."""
        return f"ridge {self.nets} {self.strength} {self.recipe.key()}"

    def largest_stack(self, candidate: Candidate, memory: float, most: int) -> int:
        """As many as fill one kernel."""
        return max(1, POOL // len(candidate))

    def score(
        self, replicates: Sequence[Replicate], scored: ImageSet, where: Where
    ) -> list[Answer]:
        """As `Learner.score`, of the accuracies alone."""
        pool = np.concatenate([replicate.candidate.images for replicate in replicates])
        kernel = PoolKernel.build(self, pool, scored.images, scored.labels, replicates[0].seed)
        subsets = np.arange(len(pool)).reshape(len(replicates), -1)
        return [
            Answer(kernel.accuracy(subset, one.candidate.targets(), one.own_images))
            for subset, one in zip(subsets, replicates, strict=True)
        ]


class PoolKernel:
    """Kernels among the images of a pool, and between them and the scoring images.

    Attributes
    ----------
    gram : Tensor of shape (P, P)
    cross : Tensor of shape (P, N)
    labels : Tensor of shape (N,)
        Labels of the scoring images.
    """

    def __init__(self, gram: Tensor, cross: Tensor, labels: np.ndarray, strength: float) -> None:
        self.gram, self.cross, self.strength = gram, cross, strength
        self._gram = gram.numpy()
        self.labels = torch.from_numpy(np.asarray(labels))

    @classmethod
    def build(
        cls,
        ridge: Ridge,
        pool: np.ndarray,
        images: np.ndarray,
        labels: np.ndarray,
        seed: int = 0,
    ) -> PoolKernel:
        """Compute the kernels.

        Parameters
        ----------
        ridge : Ridge
        pool : ndarray of shape (P, 1, H, W)
            Images that subsets are made of.
        images, labels : ndarray of shapes (N, 1, H, W) and (N,)
            Images that subsets are scored on.
        seed : int
            The networks are drawn from seeds that follow from it.

        Raises
        ------
        UserError
            When the kernels would take more than 4 GiB.
        """
        size = 4 * len(pool) * (len(pool) + len(images))
        if size > MOST_BYTES:
            raise UserError(
                f"a kernel of {len(pool)} by {len(images)} images takes {size / 2**30:.1f} GiB; "
                "use a smaller pool or fewer scoring images"
            )
        ours = features(ridge, pool, seed)  # (P, F)
        theirs = features(ridge, images, seed)  # (N, F)
        return cls(ours @ ours.T, ours @ theirs.T, labels, ridge.strength)

    def accuracy(
        self, subset: np.ndarray, targets: np.ndarray, held: Sequence[int] | np.ndarray = ()
    ) -> float:
        """Accuracy in percent of the subset at positions (n,) with targets (n, C).

        The scoring images at positions `held` do not count.
        """
        gram = self._gram[np.ix_(subset, subset)].astype(np.float64)
        gram.flat[:: len(gram) + 1] += self.strength * gram.trace() / len(gram)
        weights = np.linalg.solve(gram, targets - 1 / targets.shape[1]).astype(np.float32)
        answers = torch.from_numpy(weights).T @ self.cross[torch.as_tensor(subset)]
        # The true class has the largest answer: far quicker than an argmax over few rows.
        right = answers.gather(0, self.labels[None])[0] >= answers.amax(0)
        judged = np.delete(right.numpy(), np.asarray(held, dtype=np.int64))
        return 100 * int(judged.sum()) / len(judged)


def features(ridge: Ridge, images: np.ndarray, seed: int) -> Tensor:
    """Features (n, nets * F) of images (n, 1, H, W), of length 1 for every image."""
    height, width = images.shape[2:]
    seeds = np.random.SeedSequence([seed, ridge.nets]).generate_state(ridge.nets)
    model = build(ridge.recipe, (height, width), 2, [int(s) for s in seeds])
    return features_of(model, ridge.recipe, images)


@torch.no_grad()
def features_of(model: Stack, recipe: Recipe, images: np.ndarray) -> Tensor:
    """Features (n, K * F) of images (n, 1, H, W) under a stack, of length 1 for every image.

    Equal lengths rank sets better than raw ones (`bench-proxies`' tuning sets).
    """
    parts = []
    for start in range(0, len(images), BLOCK):
        x = (torch.tensor(images[start : start + BLOCK]) - recipe.mean) / recipe.std
        parts.append(model.maps(model.prepare(x[None])).transpose(0, 1).flatten(1))
    stacked = torch.cat(parts)
    return stacked / stacked.norm(dim=1, keepdim=True).clamp(min=1e-12)
