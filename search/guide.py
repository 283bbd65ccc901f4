"""A guide: what a proxy says of choices of images, in the place of those of one set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.pool import Pool
from search.proxy import Proxy

Choice = tuple[int, ...]  # a class's images, positions in the training split, rising


class Guide:
    """Says how many points a set gains by other images of one class, as a proxy has it.

    Parameters
    ----------
    proxy : Proxy
    pool : Pool
        Its images, the proxy's; in the order of their positions.
    centre : ndarray of shape (n,)
        The set, positions in the training split.
    """

    def __init__(self, proxy: Proxy, pool: Pool, centre: np.ndarray) -> None:
        self.proxy, self.pool = proxy, pool
        self.images = np.sort(np.concatenate(pool.members))
        self.places = np.searchsorted(self.images, centre)
        self.base = proxy.accuracy(self.places)
        self.known: dict[tuple[int, Choice], float] = {}

    def points(self, label: int, choices: Sequence[Choice]) -> np.ndarray:
        """What the set gains with each of some choices for class `label`, (m,).

        A choice with images that the proxy does not know counts as no better than the set's own.
        """
        for choice in choices:
            if (label, choice) not in self.known:
                self.known[label, choice] = self._gain(label, choice)
        return np.array([self.known[label, choice] for choice in choices])

    def _gain(self, label: int, choice: Choice) -> float:
        if not np.isin(choice, self.images).all():
            return 0.0
        others = self.places[self.proxy.classes[self.places] != label]
        whole = np.concatenate([np.searchsorted(self.images, choice), others])
        return self.proxy.accuracy(whole) - self.base

    def swaps(self, label: int, count: int) -> list[Choice]:
        """The set's choice for class `label` with one image swapped, the `count` best ones."""
        own = self.places[self.proxy.classes[self.places] == label]
        members = np.flatnonzero(self.proxy.classes == label)
        images, slots = np.setdiff1d(members, own), np.flatnonzero(np.isin(self.places, own))
        gains = np.array([self.proxy.swaps(self.places, int(s), images) for s in slots]) - self.base
        best = []
        for at in np.argsort(-gains, axis=None, kind="stable")[:count]:
            slot, image = np.unravel_index(at, gains.shape)
            kept = np.delete(own, np.flatnonzero(own == self.places[slots[slot]]))
            choice = tuple(np.sort(self.images[[*kept, images[image]]]).tolist())
            self.known[label, choice] = float(gains[slot, image])
            best.append(choice)
        return best
