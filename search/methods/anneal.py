"""Simulated annealing over sets: a worse set is accepted with a probability that falls."""

from __future__ import annotations

import numpy as np

from search.methods.base import Finished, View, one_by_one
from search.methods.random import random
from search.methods.swap import moved

START = 3.0  # points of accuracy: the temperature at the first set
HALVED = 60  # sets after which the temperature has halved


def anneal(view: View, rng: np.random.Generator) -> np.ndarray:
    """The chain's present set with one to three of its images swapped."""
    present = _present(view)
    return random(view, rng) if present is None else moved(view, np.array(present.indices), rng)


def _present(view: View) -> Finished | None:
    """The present set of the chain, which accepted or refused the finished sets one by one.

    Sets that were dropped as hopeless are refused.
    """
    present: Finished | None = None
    for finished in view.history:
        if not finished.complete:
            continue
        rng = np.random.default_rng([view.seed, finished.position, len(view.quotas), 1])
        heat = START * 0.5 ** (finished.position / HALVED)
        if present is None or finished.score > present.score - heat * rng.exponential():
            present = finished
    return present


METHOD = one_by_one(anneal)
