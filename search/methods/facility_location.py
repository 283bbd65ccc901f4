"""Facility location: every image similar to a chosen one, by greedy submodular maximisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from search.methods.base import Rule, rule
from search.pool import Pool

MOST = 2000  # images of a class that are compared with each other
Similarity = Callable[[np.ndarray], np.ndarray]  # of images (n, 1, H, W), at least 0, (n, n)


def covering(similarity: Similarity) -> Rule:
    """The rule that covers each class: its images greedily add most to the coverage.

    f(S) = sum over images of the largest similarity to one in S. Greedy is within 1 - 1/e of the
    best (Nemhauser 1978). Classes of more than 2,000 images are represented by as many drawn at
    random.
    """

    def choose(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
        chosen = []
        for members, quota in zip(pool.members, quotas, strict=True):
            if quota:
                some = compared(members, rng)
                chosen.append(some[greedy(similarity(pool.train.images[some]), quota)])
        return np.concatenate(chosen)

    return choose


def compared(members: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The images of a class that a rule compares with each other, at most `MOST` of them."""
    return rng.choice(members, MOST, replace=False) if len(members) > MOST else members


def greedy(similarity: np.ndarray, quota: int) -> list[int]:
    """The rows of a matrix (n, n) that add most to the sum over columns of their largest entry."""
    covered, chosen = np.zeros(len(similarity)), list[int]()
    free = np.ones(len(similarity), dtype=bool)
    for _ in range(quota):
        gains = np.maximum(similarity, covered).sum(1)
        pick = int(np.where(free, gains, -np.inf).argmax())
        free[pick] = False
        covered = np.maximum(covered, similarity[pick])
        chosen.append(pick)
    return chosen


def squared_distances(images: np.ndarray) -> np.ndarray:
    """Squared distances in pixels between n images, (n, n)."""
    rows = images.reshape(len(images), -1)
    norms = (rows**2).sum(1)
    distance: np.ndarray = norms[:, None] + norms - 2 * rows @ rows.T
    return distance


def nearness(images: np.ndarray) -> np.ndarray:
    """The largest distance in pixels, squared, less the distance."""
    distance = squared_distances(images)
    near: np.ndarray = distance.max() - distance
    return near


METHOD = rule(covering(nearness))
