"""Images nearest to the centres of k-means on pixels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from search.methods.base import rule
from search.pool import Pool


def kmedoids(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, as many k-means centres as its quota, and the image nearest to each."""
    chosen = [
        nearest_to_centres(pool.pixels(members), clusters(pool.pixels(members), quota, rng))
        for members, quota in zip(pool.members, quotas, strict=True)
    ]
    return np.concatenate([m[c] for m, c in zip(pool.members, chosen, strict=True)])


def clusters(pixels: np.ndarray, count: int, rng: np.random.Generator) -> Any:
    """k-means of images as rows (`sklearn.cluster.KMeans`); None for no clusters."""
    if count == 0:
        return None
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():  # where some images are equal, some clusters are, too
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(count, n_init=1, random_state=int(rng.integers(2**31))).fit(pixels)


def nearest_to_centres(pixels: np.ndarray, found: Any) -> np.ndarray:
    """The row nearest to each centre, each row at most once."""
    if found is None:
        return np.empty(0, dtype=np.int64)
    distance = found.transform(pixels)
    chosen: list[int] = []
    for centre in range(distance.shape[1]):
        order = np.argsort(distance[:, centre], kind="stable")
        chosen.append(next(int(row) for row in order if row not in chosen))
    return np.array(chosen)


METHOD = rule(kmedoids)
