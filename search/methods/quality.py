"""The quality of choices of a class's images, learned from noisy scores by a Gaussian process.

The model explains the errors that involve a class by the quality of the class's images, an effect
of the seed that all sets of a batch share, and noise. So one noisy score informs about every class.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import linalg

from search.methods.base import Finished
from search.methods.facility_location import squared_distances
from search.pool import Pool

LENGTH = 20.0  # squared distance in pixels over which the quality of an image changes
SHARED = 0.7  # share of a choice's quality that comes from its single images
NUMBERS = 100.0  # variance of quality that an image more or fewer makes, by that of its choice
SEED_SD = 0.5  # standard deviation, in points, of the effect of a seed
QUALITY_SDS = (0.05, 0.1, 0.2, 0.4)  # points, of which the likeliest is taken
NOISES = (0.7, 0.85, 1.0)  # shares of the observed standard deviation
JITTER = 1e-4

Choice = tuple[int, ...]  # a class's images, rising


class Model:
    """The posterior over the quality of choices of images, class by class.

    The errors that involve a class tell most about its images, with less noise than all errors.
    Where an oracle gives no errors by class, its score stands for every class.

    Parameters
    ----------
    pool : Pool
    history : sequence of Finished
        n sets and their scores.
    """

    def __init__(self, pool: Pool, history: Sequence[Finished]) -> None:
        sets = [by_class(pool, np.array(entry.indices)) for entry in history]
        seeds = np.array([entry.seed for entry in history])
        known = all(entry.errors for entry in history)
        self.parts = []
        for label in range(len(pool.members)):
            chosen = [own[label] for own in sets]
            scores = [-entry.errors[label] if known else entry.score for entry in history]
            self.parts.append(Part(pool, chosen, np.array(scores), seeds))

    def fitted(self) -> np.ndarray:
        """The mean quality of every set of the history, in points relative to the others."""
        total: np.ndarray = np.sum([part.quality[part.column] for part in self.parts], axis=0)
        return total


class Part:
    """The posterior over the quality of choices of one class.

    Bayesian linear regression: score = quality of the choice + effect of the seed + noise.

    Parameters
    ----------
    pool : Pool
    chosen : sequence of n choices
        Of the sets of the history.
    scores : ndarray of shape (n,)
        Scores of these sets, the larger the better.
    seeds : ndarray of shape (n,)
    """

    def __init__(
        self, pool: Pool, chosen: Sequence[Choice], scores: np.ndarray, seeds: np.ndarray
    ) -> None:
        self.pool, self.choices = pool, sorted(set(chosen))
        self.usual = int(np.median([len(choice) for choice in chosen]))
        place = {choice: at for at, choice in enumerate(self.choices)}
        self.column = np.array([place[choice] for choice in chosen])
        self.kernel = self._covariance(self.choices, self.choices)
        self.kernel[np.diag_indices(len(place))] += JITTER
        self.inverse = np.linalg.inv(self.kernel)
        _, seed = np.unique(seeds, return_inverse=True)
        rows, count = np.arange(len(scores)), len(place)
        design = np.zeros((len(scores), count + seed.max() + 1))
        design[rows, self.column] = 1
        design[rows, count + seed] = 1
        self._fit(design, scores - scores.mean())

    def _fit(self, design: np.ndarray, scores: np.ndarray) -> None:
        """Solve for the likeliest standard deviations of quality and noise (empirical Bayes)."""
        count, whole = len(self.choices), design.shape[1]
        square, toward = design.T @ design, design.T @ scores
        best = -np.inf
        for sd, part in itertools.product(QUALITY_SDS, NOISES):
            variance = (part * scores.std() + 1e-3) ** 2
            precision = square / variance
            precision[:count, :count] += self.inverse / sd**2
            precision[range(count, whole), range(count, whole)] += 1 / SEED_SD**2
            factor = linalg.cho_factor(precision, lower=True)
            mean = linalg.cho_solve(factor, toward / variance)
            evidence = (
                (mean @ toward - scores @ scores) / variance / 2
                - np.log(np.diag(factor[0])).sum()
                - len(scores) * np.log(variance) / 2
                - count * np.log(sd)
            )
            if evidence > best:
                best, self.sd, self.quality = evidence, sd, mean[:count]
                self.covariance = linalg.cho_solve(factor, np.eye(whole)[:, :count])[:count]

    def _covariance(self, ours: Sequence[Choice], theirs: Sequence[Choice]) -> np.ndarray:
        """Prior covariance of quality, by its variance: by images, and by how many there are."""
        numbers = NUMBERS * alike_in_number(ours, theirs, self.usual)
        return similarity(self.pool, ours, theirs) + numbers

    def best(self) -> list[Choice]:
        """The choices of the history, best mean first."""
        return [self.choices[at] for at in np.argsort(-self.quality, kind="stable")]

    def draws(self, choices: Sequence[Choice], count: int, rng: np.random.Generator) -> np.ndarray:
        """`count` draws of the quality of some choices, (count, m)."""
        toward = self._covariance(choices, self.choices) @ self.inverse
        prior = self.sd**2 * (self._covariance(choices, choices) - toward @ self.kernel @ toward.T)
        covariance = prior + toward @ self.covariance @ toward.T
        covariance[np.diag_indices(len(choices))] += JITTER * self.sd**2
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        root = vectors * np.sqrt(np.maximum(values, 0))
        normal = rng.standard_normal((count, len(choices)))
        drawn: np.ndarray = toward @ self.quality + normal @ root.T
        return drawn


def similarity(pool: Pool, ours: Sequence[Choice], theirs: Sequence[Choice]) -> np.ndarray:
    """How alike choices of one class are, (m, n): by shared and near images; 1 for equal ones."""
    images, places = np.unique(np.concatenate([*ours, *theirs]).astype(int), return_inverse=True)
    near = np.exp(-np.maximum(squared_distances(pool.pixels(images)), 0) / LENGTH)
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


def alike_in_number(ours: Sequence[Choice], theirs: Sequence[Choice], usual: int) -> np.ndarray:
    """Covariance (m, n) of an effect of the number of images: a random walk from the usual one."""
    left, right = (np.array([len(one) - usual for one in part]) for part in (ours, theirs))
    shared: np.ndarray = np.minimum(np.abs(left)[:, None], np.abs(right))
    return shared * (left[:, None] * right > 0)


def by_class(pool: Pool, indices: np.ndarray) -> list[Choice]:
    """A set as one choice of each class."""
    labels = pool.train.labels[indices]
    return [tuple(sorted(indices[labels == c].tolist())) for c in range(len(pool.members))]
