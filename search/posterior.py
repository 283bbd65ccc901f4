"""What choices of images are worth, as a Gaussian process learns it from many noisy scores.

A choice is the images of one class in a set. The errors that involve a class are modelled as what
its choice is worth, plus what is common to all sets of a seed, plus noise. A choice's worth is what
a guide says of it, as far as scores bear that out, and a deviation shared by choices that have
images in common, or near ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import linalg

from search.guide import Choice, Guide
from search.methods.base import Finished
from search.pool import Pool

LENGTH = 20.0  # squared distance of pixels over which an image's worth changes
SHARED = 0.7  # part of a choice's worth that comes of single images; the rest is its own
SEED_SD = 2.0  # points by which the scores of one seed are high or low together
TRUST = 0.5  # prior spread of the factor by which a guide's points count
WORTHS = (0.05, 0.1, 0.2, 0.4, 0.8)  # points, of a class's choices: the likeliest is taken
NOISES = (0.7, 0.85, 1.0)  # of the spread
JITTER = 1e-4


class Model:
    """The posterior over what choices of images are worth, class by class.

    Whether a class's images are good shows best in the errors that involve the class: there is
    less noise in them than in all errors. An oracle that knows no errors by class has only its
    score for all classes.

    Parameters
    ----------
    pool : Pool
    history : sequence of Finished
        n sets and their scores.
    guide : Guide, optional
        Says of choices what they may be worth.
    """

    def __init__(self, pool: Pool, history: Sequence[Finished], guide: Guide | None = None) -> None:
        labels = pool.train.labels
        sets = [np.array(entry.indices) for entry in history]
        seeds = np.array([entry.seed for entry in history])
        known = all(entry.errors for entry in history)
        self.parts = []
        for label in range(len(pool.members)):
            chosen = [tuple(sorted(s[labels[s] == label].tolist())) for s in sets]
            good = [-entry.errors[label] if known else entry.score for entry in history]
            self.parts.append(Part(pool, label, chosen, np.array(good), seeds, guide))

    def fitted(self) -> np.ndarray:
        """What every set of the history is worth, in points beside the others."""
        total: np.ndarray = np.sum([part.worths[part.column] for part in self.parts], axis=0)
        return total


class Part:
    """The posterior over what choices of one class are worth.

    Bayesian linear regression: a choice's deviation, a factor of the guide's points, the seed's
    part, and noise.

    Parameters
    ----------
    pool : Pool
    label : int
        The class.
    chosen : sequence of n choices
        Of the sets of the history.
    good : ndarray of shape (n,)
        How good each was.
    seeds : ndarray of shape (n,)
    guide : Guide or None
    """

    def __init__(
        self,
        pool: Pool,
        label: int,
        chosen: Sequence[Choice],
        good: np.ndarray,
        seeds: np.ndarray,
        guide: Guide | None,
    ) -> None:
        self.pool, self.label, self.guide = pool, label, guide
        self.choices = sorted(set(chosen))
        place = {choice: at for at, choice in enumerate(self.choices)}
        self.column = np.array([place[choice] for choice in chosen])
        self.kernel = similarity(pool, self.choices, self.choices)
        self.kernel[np.diag_indices(len(place))] += JITTER
        self.inverse = np.linalg.inv(self.kernel)
        self.usual = 0.0
        self.usual = float(self._said(self.choices)[self.column].mean())
        _, seed = np.unique(seeds, return_inverse=True)
        rows, count = np.arange(len(good)), len(place)
        design = np.zeros((len(good), count + 1 + seed.max() + 1))
        design[rows, self.column] = 1
        design[:, count] = self._said(self.choices)[self.column]
        design[rows, count + 1 + seed] = 1
        self._fit(design, good - good.mean())

    def _said(self, choices: Sequence[Choice]) -> np.ndarray:
        """The guide's points for choices, beside those usual in the history; 0 without one."""
        if self.guide is None:
            return np.zeros(len(choices))
        return self.guide.points(self.label, choices) - self.usual

    def _fit(self, design: np.ndarray, good: np.ndarray) -> None:
        """Take the likeliest sizes of worth and noise (empirical Bayes), and solve."""
        count, whole = len(self.choices), design.shape[1]
        square, toward = design.T @ design, design.T @ good
        best = -np.inf
        for worth, part in itertools.product(WORTHS, NOISES):
            variance = (part * good.std() + 1e-3) ** 2
            precision = square / variance
            precision[:count, :count] += self.inverse / worth**2
            precision[count, count] += 1 / TRUST**2
            precision[range(count + 1, whole), range(count + 1, whole)] += 1 / SEED_SD**2
            factor = linalg.cho_factor(precision, lower=True)
            mean = linalg.cho_solve(factor, toward / variance)
            evidence = (
                (mean @ toward - good @ good) / variance / 2
                - np.log(np.diag(factor[0])).sum()
                - len(good) * np.log(variance) / 2
                - count * np.log(worth)
            )
            if evidence > best:
                best, self.worth, self.mean = evidence, worth, mean[: count + 1]
                every = linalg.cho_solve(factor, np.eye(whole)[:, : count + 1])
                self.covariance = every[: count + 1]
        self.worths = self.mean[:count] + self.mean[count] * self._said(self.choices)

    def best(self) -> list[Choice]:
        """The choices of the history, best mean first."""
        return [self.choices[at] for at in np.argsort(-self.worths, kind="stable")]

    def draws(self, choices: Sequence[Choice], count: int, rng: np.random.Generator) -> np.ndarray:
        """`count` draws of what some choices are worth, (count, m)."""
        toward = similarity(self.pool, choices, self.choices) @ self.inverse
        basis = np.concatenate([toward, self._said(choices)[:, None]], axis=1)
        prior = self.worth**2 * (
            similarity(self.pool, choices, choices) - toward @ self.kernel @ toward.T
        )
        covariance = prior + basis @ self.covariance @ basis.T
        covariance[np.diag_indices(len(choices))] += JITTER * self.worth**2
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        root = vectors * np.sqrt(np.maximum(values, 0))
        normal = rng.standard_normal((count, len(choices)))
        drawn: np.ndarray = basis @ self.mean + normal @ root.T
        return drawn


def similarity(pool: Pool, ours: Sequence[Choice], theirs: Sequence[Choice]) -> np.ndarray:
    """How alike choices of one class are, (m, n): 1 for equal ones, by near images in common."""
    images, places = np.unique(np.concatenate([*ours, *theirs]).astype(int), return_inverse=True)
    pixels = pool.pixels(images)
    norms = (pixels**2).sum(1)
    distance = np.maximum(norms[:, None] + norms[None] - 2 * pixels @ pixels.T, 0)
    near = np.exp(-distance / LENGTH)
    held = np.zeros((len(ours) + len(theirs), len(images)))
    sizes = [len(choice) for choice in (*ours, *theirs)]
    held[np.repeat(np.arange(len(sizes)), sizes), places] = 1
    left, right = held[: len(ours)], held[len(ours) :]
    alike = left @ near @ right.T
    own = [np.sqrt(np.maximum(((part @ near) * part).sum(1), 1e-9)) for part in (left, right)]
    alike = alike / own[0][:, None] / own[1][None]
    known = {choice: at for at, choice in enumerate(theirs)}
    same = np.zeros_like(alike)
    for row, choice in enumerate(ours):
        if choice in known:
            same[row, known[choice]] = 1
    return SHARED * alike + (1 - SHARED) * same
