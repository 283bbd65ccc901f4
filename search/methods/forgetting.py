"""The images that networks forget least often while they learn (forgetting events)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.methods.el2n import errors_and_forgettings, lowest
from search.pool import Pool


def forgetting(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The images that are forgotten least often (Toneva et al. 2019), at random among equals."""
    events = errors_and_forgettings(pool.train)[1]
    return lowest(pool, quotas, events + 0.5 * rng.random(len(events)))


METHOD = rule(forgetting)
