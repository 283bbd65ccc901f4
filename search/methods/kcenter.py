"""k-center: always the image farthest from the chosen ones (Gonzalez's greedy rule)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.pool import Pool


def kcenter(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, its most typical image, then always the one farthest from those chosen."""
    chosen = []
    for members, quota in zip(pool.members, quotas, strict=True):
        pixels = pool.pixels(members)
        distance = np.full(len(members), np.inf)
        for _ in range(quota):
            pick = 0 if np.isinf(distance[0]) else int(distance.argmax())
            chosen.append(members[pick])
            distance = np.minimum(distance, ((pixels - pixels[pick]) ** 2).sum(1))
            distance[pick] = -1  # never again, though another be its equal
    return np.array(chosen)


METHOD = rule(kcenter)
