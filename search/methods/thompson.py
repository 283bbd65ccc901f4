"""Thompson sampling: a Gaussian process learns how good each choice of a class's images is.

The model explains the errors that involve a class by the quality of the class's images, an effect
of the seed that all sets of a batch share, and noise. So one noisy score informs about every class.
A proposal takes, for each class, the images that are best under one draw from the posterior
(Thompson 1933): images that may be good are tried, and those that are surely worse are not. The
images come from the best sets so far and from small changes of them.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
from scipy import linalg

from reproduce.errors import UserError
from search.methods.base import ATTEMPTS, Finished, Method, View
from search.methods.kmedoids import kmedoids
from search.pool import Pool

FOUNDERS = 128  # sets of k-means medoids, mixed class by class, before the model proposes any
MIXED = 16  # sets of medoids that are mixed
RECENT = 1000  # sets that the model learns from
KNOWN, CHILDREN = 20, 20  # a class's choices: the best known, and changes of the best
PARENTS = 8
NEIGHBOURS = 30  # images near one, any of which may take its place
LENGTH = 20.0  # squared distance in pixels over which the quality of an image changes
SHARED = 0.7  # share of a choice's quality that comes from its single images
SEED_SD = 0.5  # standard deviation, in points, of the effect of a seed
QUALITY_SDS = (0.05, 0.1, 0.2, 0.4)  # points, of which the likeliest is taken
NOISES = (0.7, 0.85, 1.0)  # shares of the observed standard deviation
JITTER = 1e-4

Choice = tuple[int, ...]  # a class's images, rising


def thompson(view: View, count: int) -> list[np.ndarray]:
    """Sets that are best under draws from the posterior, given the recent sets' scores."""
    if view.unbalanced:
        raise UserError("thompson searches balanced sets or given quotas; leave --unbalanced out")
    rng = np.random.default_rng([view.seed, view.start])
    if len(view.history) < FOUNDERS:
        sets = solutions(view.pool, view.quotas, view.seed)
        if view.start_sets:  # they give half of the images
            theirs = [by_class(view.pool, np.array(indices)) for indices in view.start_sets]
            sets = sets + theirs * max(1, MIXED // len(theirs))
        founders = list(zip(*sets, strict=True))
        mixed = [[own[rng.integers(len(own))] for own in founders] for _ in range(count)]
        return unseen(view, mixed, founders, rng)
    model = Model(view.pool, view.history[-RECENT:])
    choices, best = [], []
    for label, part in enumerate(model.parts):
        known = part.best()
        made = children(view, label, known[:PARENTS], rng)
        choices.append(list(dict.fromkeys(known[:KNOWN] + made)))
        best.append(part.draws(choices[-1], count, rng).argmax(1))
    proposals = [
        [own[int(at)] for own, at in zip(choices, row, strict=True)] for row in np.transpose(best)
    ]
    return unseen(view, proposals, choices, rng)


def unseen(
    view: View,
    proposals: Sequence[list[Choice]],
    choices: Sequence[Sequence[Choice]],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """The proposals as sets; a set that the study has seen gets other choices for some classes."""
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


def believed(pool: Pool, history: Sequence[Finished]) -> np.ndarray:
    """The posterior mean of every set, (n,); -inf for those too old for the model."""
    old = max(0, len(history) - RECENT)
    return np.concatenate([np.full(old, -np.inf), Model(pool, history[old:]).fitted()])


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
        place = {choice: at for at, choice in enumerate(self.choices)}
        self.column = np.array([place[choice] for choice in chosen])
        self.kernel = similarity(pool, self.choices, self.choices)
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

    def best(self) -> list[Choice]:
        """The choices of the history, best mean first."""
        return [self.choices[at] for at in np.argsort(-self.quality, kind="stable")]

    def draws(self, choices: Sequence[Choice], count: int, rng: np.random.Generator) -> np.ndarray:
        """`count` draws of the quality of some choices, (count, m)."""
        toward = similarity(self.pool, choices, self.choices) @ self.inverse
        prior = self.sd**2 * (
            similarity(self.pool, choices, choices) - toward @ self.kernel @ toward.T
        )
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
        found.append(by_class(pool, indices))
    return found


def by_class(pool: Pool, indices: np.ndarray) -> list[Choice]:
    """A set as one choice of each class."""
    labels = pool.train.labels[indices]
    return [tuple(sorted(indices[labels == c].tolist())) for c in range(len(pool.members))]


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


SETTINGS = {"search_seeds": 1, "batch": 32, "fidelity": "auto"}
METHOD = Method(thompson, fresh=True, settings=SETTINGS, believe=believed)
