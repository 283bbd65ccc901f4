"""Facility location: every image similar to a chosen one, by greedy submodular maximisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.methods.base import rule
from search.pool import Pool

MOST = 2000  # images of a class that are compared with each other


def facility_location(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """For each class, the images that add most to the sum of best similarities.

    f(S) = sum over images of the largest similarity to one in S; the similarity is the largest
    distance in pixels, squared, less the distance. Greedy is within 1 - 1/e of the best (Nemhauser
    1978). Classes of more than 2,000 images are represented by as many drawn at random.
    """
    chosen = []
    for members, quota in zip(pool.members, quotas, strict=True):
        if not quota:
            continue
        if len(members) > MOST:
            members = rng.choice(members, MOST, replace=False)
        pixels = pool.pixels(members)
        norms = (pixels**2).sum(1)
        distance = norms[:, None] + norms - 2 * pixels @ pixels.T
        similarity = distance.max() - distance
        covered = np.zeros(len(members))
        free = np.ones(len(members), dtype=bool)
        for _ in range(quota):
            gains = np.maximum(similarity, covered).sum(1)
            pick = int(np.where(free, gains, -np.inf).argmax())
            free[pick] = False
            covered = np.maximum(covered, similarity[pick])
            chosen.append(members[pick])
    return np.array(chosen)


METHOD = rule(facility_location)
