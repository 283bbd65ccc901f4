"""Cluster quotas: a random image from every k-means cluster of a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.methods.kmedoids import clusters
from search.pool import Pool


def stratified(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, as many clusters as its quota, and an image at random from each.

    With one image per class this is a random choice.
    """
    chosen: list[int] = []
    for members, quota in zip(pool.members, quotas, strict=True):
        found = clusters(pool.pixels(members), quota, rng)
        for cluster in range(quota):
            free = ~np.isin(members, chosen)
            own = free & (found.labels_ == cluster)
            # Of equal images there are fewer clusters than asked for: then any other image does.
            chosen.append(rng.choice(members[own if own.any() else free]))
    return np.array(chosen)


METHOD = rule(stratified)
