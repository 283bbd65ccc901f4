"""The most typical images: a strong baseline for very small sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.pool import Pool


def nearest_mean(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The images of each class nearest to the class's pixel mean."""
    return np.concatenate([m[:quota] for m, quota in zip(pool.members, quotas, strict=True)])


METHOD = rule(nearest_mean)
