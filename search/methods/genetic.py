"""Children of two good sets, crossed class by class and mutated: a genetic search."""

from __future__ import annotations

import numpy as np

from search.methods.base import View, one_by_one
from search.methods.random import random
from search.methods.swap import moved

POPULATION = 16  # best sets that may be parents
FOUNDERS = 16  # random sets at the start
TOURNAMENT = 3
MUTATION = 0.5


def genetic(view: View, rng: np.random.Generator) -> np.ndarray:
    """A child of two of the best sets: each class's images are drawn from those of both."""
    ranked = view.ranked()[:POPULATION]
    if len(ranked) < 2 or view.start < FOUNDERS:
        return random(view, rng)
    mother, father = (
        np.array(ranked[int(rng.integers(len(ranked), size=TOURNAMENT).min())].indices)
        for _ in range(2)
    )
    child = crossed(view, mother, father, rng)
    return moved(view, child, rng) if rng.random() < MUTATION else child


def crossed(
    view: View, mother: np.ndarray, father: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """As many images of each class as the mother has, from both parents."""
    labels = view.pool.train.labels
    chosen = []
    for label, quota in enumerate(view.quotas_of(mother)):
        both = np.union1d(mother[labels[mother] == label], father[labels[father] == label])
        chosen.append(rng.choice(both, quota, replace=False))
    return np.concatenate(chosen)


METHOD = one_by_one(genetic)
