"""The proxy: ridge regression on a kernel. A swap of one image is scored by a small update.

With R the set without one image, M the inverse of its ridged Gram matrix and k the kernel, adding
image j changes the prediction at x from f(x) to f(x) + g_j(x) r_j / s_j, where
g_j(x) = k(j, x) - k(j, R) M k(R, x), r_j = y_j - f(j) and s_j = k(j, j) + ridge - k(j, R) M k(R, j)
(block inversion). That is one multiplication per class and scoring image, whatever the set's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reproduce.support.jit import njit


@dataclass(frozen=True, eq=False)
class Proxy:
    """Scores sets of pool images by ridge regression.

    Attributes
    ----------
    gram : ndarray of shape (P, P), float32
        Kernel among the pool's images; its diagonal is about 1.
    cross : ndarray of shape (P, N), float32
        Kernel to the scoring images, which are in the order of their classes.
    bounds : ndarray of shape (C + 1,)
        Where each class begins among the scoring images.
    classes : ndarray of shape (P,)
        Classes of the pool's images.
    strength : float
        Ridge.
    """

    gram: np.ndarray
    cross: np.ndarray
    bounds: np.ndarray
    classes: np.ndarray
    strength: float

    def targets(self, chosen: np.ndarray) -> np.ndarray:
        """Centred labels (n, C) of pool images."""
        number = len(self.bounds) - 1
        return (np.eye(number)[self.classes[chosen]] - 1 / number).astype(np.float32)

    def accuracy(self, chosen: Sequence[int] | np.ndarray) -> float:
        """Accuracy in percent of the set of pool images `chosen`."""
        chosen = np.asarray(chosen)
        return float(self.swaps(chosen, 0, chosen[:1])[0])

    def swaps(self, chosen: np.ndarray, slot: int, images: np.ndarray) -> np.ndarray:
        """Accuracies in percent of the set with each of `images` in the place `slot`.

        Parameters
        ----------
        chosen : ndarray of shape (n,)
            Pool images of the set.
        slot : int
        images : ndarray of shape (m,)
            Pool images, none of them elsewhere in the set.
        """
        rest = np.delete(chosen, slot)
        ridged = self.gram[np.ix_(rest, rest)].astype(np.float64)
        ridged[np.diag_indices(len(rest))] += self.strength
        inverse = np.linalg.inv(ridged).astype(np.float32)
        fixed = self.cross[rest]
        weights = inverse @ self.targets(rest)
        predicted = weights.T @ fixed  # (C, N)
        toward = self.gram[np.ix_(images, rest)] @ inverse  # (m, n - 1)
        gain = self.cross[images] - toward @ fixed
        rise = self.targets(images) - self.gram[np.ix_(images, rest)] @ weights
        schur = (
            self.gram[images, images]
            + np.float32(self.strength)
            - (toward * self.gram[np.ix_(images, rest)]).sum(1)
        )
        right = _right(predicted, gain, rise / schur[:, None], self.bounds)
        return 100 * right / self.cross.shape[1]


# Minima may be taken in any order.
@njit(fastmath=True)
def _right(
    predicted: np.ndarray, gain: np.ndarray, rise: np.ndarray, bounds: np.ndarray
) -> np.ndarray:
    """How many scoring images are right under predicted (C, N) + rise (m, C) * gain (m, N)."""
    classes, total = predicted.shape
    margins = np.empty((classes, total), dtype=np.float32)
    for own in range(classes):
        for x in range(bounds[own], bounds[own + 1]):
            for other in range(classes):
                margins[other, x] = predicted[own, x] - predicted[other, x]
    right = np.zeros(len(gain), dtype=np.int64)
    least = np.empty(total, dtype=np.float32)
    for j in range(len(gain)):
        least[:] = np.inf
        for own in range(classes):
            start, stop = bounds[own], bounds[own + 1]
            for other in range(classes):
                if other != own:
                    slope = rise[j, own] - rise[j, other]
                    for x in range(start, stop):
                        margin = margins[other, x] + slope * gain[j, x]
                        least[x] = min(least[x], margin)
        count = 0
        for x in range(total):
            count += least[x] >= 0
        right[j] = count
    return right


@dataclass
class Climb:
    """A local search under the proxy, which counts the sets that it scores.

    Attributes
    ----------
    proxy : Proxy
    members : sequence of ndarray
        Pool images of each class.
    rng : numpy.random.Generator
    scored : int
    """

    proxy: Proxy
    members: Sequence[np.ndarray]
    rng: np.random.Generator
    scored: int = 0

    def __call__(self, chosen: np.ndarray, per_slot: int | None = None) -> Iterator[tuple]:
        """Yield (accuracy, set) for every improving swap, until no swap of one image improves.

        Every slot in turn takes the best image of its class, or of `per_slot` images at random.
        """
        chosen = np.array(chosen)
        best, idle = self.proxy.accuracy(chosen), 0
        order = self.rng.permutation(len(chosen))
        for turn in range(20 * len(chosen)):
            slot = order[turn % len(chosen)]
            images = np.setdiff1d(self.members[self.proxy.classes[chosen[slot]]], chosen)
            if per_slot and len(images) > per_slot:
                images = self.rng.choice(images, per_slot, replace=False)
            if not len(images):
                continue
            scores = self.proxy.swaps(chosen, slot, images)
            self.scored += len(images)
            if scores.max() > best:
                best, idle = float(scores.max()), 0
                chosen = chosen.copy()
                chosen[slot] = images[scores.argmax()]
                yield best, chosen
            else:
                idle += 1
            if idle >= len(chosen):
                return
