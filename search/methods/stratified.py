"""Cluster quotas: a random image from every k-means cluster of a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import constructor
from search.methods.kmedoids import clusters
from search.pool import Pool


@constructor("stratified")
def stratified(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, as many clusters as its quota, and an image at random from each.

    With one image per class this is a random choice.
    """
    chosen = []
    for members, quota in zip(pool.members, quotas, strict=True):
        found = clusters(pool.pixels(members), quota, rng)
        labels = found.labels_ if found else np.empty(0)
        chosen += [rng.choice(members[labels == cluster]) for cluster in range(quota)]
    return np.array(chosen)
