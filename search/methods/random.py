"""Images at random, as many of each class as its quota: what every other method has to beat."""

from __future__ import annotations

import numpy as np

from search.methods.base import View, one_by_one


def random(view: View, rng: np.random.Generator) -> np.ndarray:
    """Images drawn at random, as many of each class as its quota."""
    quotas = view.drawn_quotas(rng, moves=sum(view.quotas))
    chosen = [
        rng.choice(members, quota, replace=False)
        for members, quota in zip(view.pool.members, quotas, strict=True)
    ]
    return np.concatenate(chosen)


METHOD = one_by_one(random, pure=True)
