"""The best set so far with one to three of its images swapped: a local search."""

from __future__ import annotations

import numpy as np

from search.methods.base import View, one_by_one
from search.methods.random import random

MOST = 3  # images swapped at once


def swap(view: View, rng: np.random.Generator) -> np.ndarray:
    """The best set with one to three of its images swapped for others of their class."""
    best = view.best()
    return random(view, rng) if best is None else moved(view, np.array(best.indices), rng)


def moved(view: View, indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A set with one to three images swapped; where unbalanced, for images of any class."""
    proposal = indices.copy()
    labels = view.pool.train.labels
    for slot in rng.choice(len(indices), min(int(rng.integers(1, MOST + 1)), len(indices)), False):
        label = labels[proposal[slot]]
        if view.unbalanced and rng.random() < 0.5:
            label = rng.integers(len(view.pool.members))
        members = view.pool.members[label]
        pick = rng.choice(members)
        if pick not in proposal:
            proposal[slot] = pick
    return proposal


METHOD = one_by_one(swap)
