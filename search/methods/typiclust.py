"""TypiClust: the image of each cluster with the nearest neighbours (Hacohen et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.methods.facility_location import compared
from search.methods.kmedoids import clusters
from search.pool import Pool

NEIGHBOURS = 20  # as many as in the paper


def typiclust(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, as many k-means clusters as its quota, and the most typical image of each.

    Typicality(x) = 1 / mean of |x - x_i| over the K = 20 images x_i of its cluster that are nearest
    to x (Hacohen, Dekel and Weinshall 2022). The paper clusters unlabelled images by learned
    features, here each class is clustered in pixels. Classes of more than 2,000 images are
    represented by as many drawn at random.
    """
    chosen: list[int] = []
    for members, quota in zip(pool.members, quotas, strict=True):
        members = compared(members, rng)
        pixels = pool.pixels(members)
        found = clusters(pixels, quota, rng)
        for cluster in range(quota):
            free = ~np.isin(members, chosen)
            own = np.flatnonzero(free & (found.labels_ == cluster))
            # Of equal images there are fewer clusters than asked for: then any other image does.
            own = own if len(own) else np.flatnonzero(free)
            chosen.append(members[own[reach(pixels[own]).argmin()]])
    return np.array(chosen)


def reach(pixels: np.ndarray) -> np.ndarray:
    """The mean distance of each of n images, as rows, to its nearest neighbours, (n,)."""
    from sklearn.neighbors import NearestNeighbors

    most = min(NEIGHBOURS, len(pixels) - 1)
    if not most:
        return np.zeros(1)
    search = NearestNeighbors(n_neighbors=most, algorithm="brute").fit(pixels)
    distance: np.ndarray = search.kneighbors()[0].mean(1)
    return distance


METHOD = rule(typiclust)
