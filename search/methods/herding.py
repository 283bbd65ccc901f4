"""Herding: images whose running mean follows the class's mean (Welling 2009)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.pool import Pool


def herding(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, the image that brings the chosen ones' pixel mean nearest to the class's."""
    chosen = []
    for members, quota in zip(pool.members, quotas, strict=True):
        if not quota:
            continue
        pixels = pool.pixels(members)
        target, total = pixels.mean(0), np.zeros(pixels.shape[1])
        free = np.ones(len(members), dtype=bool)
        for count in range(1, quota + 1):
            distance = (((total + pixels) / count - target) ** 2).sum(1)
            pick = int(np.where(free, distance, np.inf).argmin())
            free[pick] = False
            total += pixels[pick]
            chosen.append(members[pick])
    return np.array(chosen)


METHOD = rule(herding)
