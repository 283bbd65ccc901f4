"""Thompson sampling: a Gaussian process learns what each class's images are worth.

A set's score is modelled as the sum of what its classes' images are worth, plus what is common to
all sets of a seed, plus noise. So a single noisy score says something of every class, and hundreds
of them at low fidelity say more than a few exact ones. A proposal takes, for each class, the images
that are best under one draw from the posterior (Thompson 1933): images that may be good are tried,
those that are surely not are left alone. The images of a class come from the best sets so far and
from small changes of them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from scipy import linalg

from reproduce.errors import UserError
from search.methods.base import ATTEMPTS, Finished, View, estimator, method
from search.methods.kmedoids import kmedoids
from search.pool import Pool

FOUNDERS = 128  # sets of k-means medoids, mixed class by class, before the model proposes
MIXED = 16  # sets of medoids that are mixed
RECENT = 1000  # sets that the model learns from
KNOWN, CHILDREN = 20, 20  # a class's choices: the best known, and changes of the best
PARENTS = 8
NEIGHBOURS = 30  # images near one, any of which may take its place
LENGTH = 20.0  # squared distance of pixels over which an image's worth changes
SHARED = 0.7  # part of a choice's worth that comes of single images; the rest is its own
SEED_SD = 0.5  # points by which the scores of one seed are high or low together
WORTHS = (0.07, 0.15, 0.3, 0.6)  # points, of a class's choices: the likeliest is taken
NOISES = (0.7, 0.85, 1.0)  # of the spread of scores

Choice = tuple[int, ...]  # a class's images, rising


@method("thompson", fresh_seeds=True)
def thompson(view: View, count: int) -> list[np.ndarray]:
    """Sets that are best under draws from what the recent sets' scores say."""
    if view.unbalanced:
        raise UserError("thompson searches balanced sets or given quotas; leave --unbalanced out")
    rng = np.random.default_rng([view.seed, view.start])
    if len(view.history) < FOUNDERS:
        founders = list(zip(*solutions(view.pool, view.quotas, view.seed), strict=True))
        mixed = [[own[rng.integers(MIXED)] for own in founders] for _ in range(count)]
        return unseen(view, mixed, founders, rng)
    model = Model(view.pool, view.history[-RECENT:])
    choices = [model.best(label)[:KNOWN] for label in range(len(view.quotas))]
    choices = [
        list(dict.fromkeys(known + children(view, label, known[:PARENTS], rng)))
        for label, known in enumerate(choices)
    ]
    best = [
        [own[int(worth.argmax())] for own, worth in zip(choices, drawn, strict=True)]
        for drawn in model.draws(choices, count, rng)
    ]
    return unseen(view, best, choices, rng)


def unseen(
    view: View,
    proposals: Sequence[list[Choice]],
    choices: Sequence[Sequence[Choice]],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """The proposals as sets; those that the study has seen with other choices for some classes."""
    taken, sets = set(view.taken), []
    for proposal in proposals:
        for _ in range(ATTEMPTS):
            found = np.concatenate([np.array(choice, dtype=np.int64) for choice in proposal])
            found = view.pool.canonical(found)
            if tuple(found.tolist()) not in taken:
                break
            label = int(rng.integers(len(choices)))
            proposal[label] = choices[label][int(rng.integers(len(choices[label])))]
        taken.add(tuple(found.tolist()))
        sets.append(found)
    return sets


@estimator("thompson")
def believed(pool: Pool, history: Sequence[Finished]) -> np.ndarray:
    """The model's mean for every set, (n,); -inf for those that it has forgotten."""
    old = max(0, len(history) - RECENT)
    return np.concatenate([np.full(old, -np.inf), Model(pool, history[old:]).fitted()])


class Model:
    """The posterior over what choices of images are worth, in points of accuracy.

    Parameters
    ----------
    pool : Pool
    history : sequence of Finished
        n sets and their scores.
    """

    def __init__(self, pool: Pool, history: Sequence[Finished]) -> None:
        self.pool = pool
        labels = pool.train.labels
        sets = [np.array(entry.indices) for entry in history]
        self.choices: list[list[Choice]] = []
        self.column = []  # of each set, the place of its choice among the class's
        for label in range(len(pool.members)):
            of_class = [tuple(sorted(s[labels[s] == label].tolist())) for s in sets]
            distinct = sorted(set(of_class))
            place = {choice: at for at, choice in enumerate(distinct)}
            self.choices.append(distinct)
            self.column.append(np.array([place[choice] for choice in of_class]))
        scores = np.array([entry.score for entry in history])
        self.mean = scores.mean()
        seeds = np.array([entry.seed for entry in history])
        self._fit(scores - self.mean, SEED_SD**2 * (seeds[:, None] == seeds[None]))

    def _fit(self, scores: np.ndarray, common: np.ndarray) -> None:
        """Take the likeliest sizes of worth and noise (empirical Bayes), and solve."""
        kernels = [similarity(self.pool, own, own) for own in self.choices]
        alike = sum(k[np.ix_(at, at)] for k, at in zip(kernels, self.column, strict=True))
        best = -np.inf
        for worth in WORTHS:
            for noise in NOISES:
                variance = (noise * scores.std() + 1e-3) ** 2
                whole = worth**2 * alike + common + variance * np.eye(len(scores))
                factor = linalg.cho_factor(whole, lower=True)
                weights = linalg.cho_solve(factor, scores)
                evidence = -scores @ weights / 2 - np.log(np.diag(factor[0])).sum()
                if evidence > best:
                    best, self.worth = evidence, worth
                    self.factor, self.weights = factor, weights

    def _toward(self, label: int, choices: Sequence[Choice]) -> np.ndarray:
        """Prior covariance (m, n) of choices of a class with the scores of the history."""
        found = similarity(self.pool, choices, self.choices[label])
        return self.worth**2 * found[:, self.column[label]]

    def best(self, label: int) -> list[Choice]:
        """The class's choices of the history, best mean first."""
        own = self.choices[label]
        mean = self._toward(label, own) @ self.weights
        return [own[at] for at in np.argsort(-mean, kind="stable")]

    def fitted(self) -> np.ndarray:
        """The mean of every set of the history, without what its seed and noise did."""
        each = [
            (self._toward(label, own) @ self.weights)[self.column[label]]
            for label, own in enumerate(self.choices)
        ]
        total: np.ndarray = self.mean + np.sum(each, axis=0)
        return total

    def draws(
        self, choices: Sequence[Sequence[Choice]], count: int, rng: np.random.Generator
    ) -> list[list[np.ndarray]]:
        """`count` draws of what the choices of each class are worth."""
        toward = np.concatenate([self._toward(c, own) for c, own in enumerate(choices)])
        prior = linalg.block_diag(
            *(self.worth**2 * similarity(self.pool, own, own) for own in choices)
        )
        covariance = prior - toward @ linalg.cho_solve(self.factor, toward.T)
        covariance[np.diag_indices(len(covariance))] += 1e-3 * self.worth**2
        root = np.linalg.cholesky((covariance + covariance.T) / 2)
        drawn = (toward @ self.weights)[:, None] + root @ rng.standard_normal((len(root), count))
        bounds = np.cumsum([len(own) for own in choices])[:-1]
        return [np.split(column, bounds) for column in drawn.T]


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


@functools.lru_cache(maxsize=2)
def solutions(pool: Pool, quotas: tuple[int, ...], seed: int) -> list[list[Choice]]:
    """Sets of medoids of random quarters of the pool, class by class."""
    found = []
    for number in range(MIXED):
        rng = np.random.default_rng([seed, number, 1])
        quarter = pool.halved(rng, quotas).halved(rng, quotas)
        indices = kmedoids(quarter, quotas, rng)
        labels = pool.train.labels[indices]
        found.append(
            [tuple(sorted(indices[labels == c].tolist())) for c in range(len(pool.members))]
        )
    return found


def children(
    view: View, label: int, parents: Sequence[Choice], rng: np.random.Generator
) -> list[Choice]:
    """Changes of a class's best choices: a near image for one, another's images, any image."""
    members = view.pool.members[label]
    if len(members) <= len(parents[0]) or not parents[0]:
        return []
    made: dict[Choice, None] = {}
    for _ in range(CHILDREN):
        child = list(parents[min(len(parents) - 1, int(rng.exponential(2.5)))])
        slot, kind = int(rng.integers(len(child))), rng.random()
        if kind < 0.4:
            free = np.setdiff1d(neighbours(view.pool, label, child[slot]), child)
            child[slot] = int(rng.choice(free)) if len(free) else child[slot]
        elif kind < 0.8:
            both = np.union1d(child, parents[int(rng.integers(len(parents)))])
            child = rng.choice(both, len(child), replace=False).tolist()
        else:
            free = np.setdiff1d(members, child)
            child[slot] = int(rng.choice(free))
        made[tuple(sorted(child))] = None
    return list(made)


@functools.lru_cache(maxsize=2**14)
def neighbours(pool: Pool, label: int, image: int) -> np.ndarray:
    """The images of the class that are nearest to one of them, in pixels."""
    members = pool.members[label]
    distance = ((pool.pixels(members) - pool.pixels(np.array([image]))) ** 2).sum(1)
    nearest: np.ndarray = members[np.argsort(distance, kind="stable")[1 : NEIGHBOURS + 1]]
    return nearest
