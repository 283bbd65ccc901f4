"""Thompson sampling: a Gaussian process learns how good each choice of a class's images is.

The model explains the errors that involve a class by the quality of the class's images, an effect
of the seed that all sets of a batch share, and noise. So one noisy score informs about every class.
A proposal takes, for each class, the images that are best under one draw from the posterior
(Thompson 1933): images that may be good are tried, and those that are surely worse are not. The
images come from the best sets so far and from small changes of them. In an unbalanced search these
have more or fewer images, too, and a proposal divides the total among the classes in the best way.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np

from search.methods.base import ATTEMPTS, Finished, Method, View
from search.methods.kmedoids import kmedoids
from search.methods.quality import Choice, Model, by_class
from search.pool import Pool

FOUNDERS = 128  # sets of k-means medoids, mixed class by class, before the model proposes any
MIXED = 16  # sets of medoids that are mixed
RECENT = 1000  # sets that the model learns from
KNOWN, CHILDREN = 20, 20  # a class's choices: the best known, and changes of the best
PARENTS = 8
NEIGHBOURS = 30  # images near one, any of which may take its place
RESIZED = 0.3  # share of changes that add or drop an image, in an unbalanced search


def thompson(view: View, count: int) -> list[np.ndarray]:
    """Sets that are best under draws from the posterior, given the recent sets' scores."""
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
    latest = by_class(view.pool, np.array(view.history[-1].indices))  # with it the total fits
    choices, drawn = [], []
    for label, part in enumerate(model.parts):
        known = part.best()
        made = children(view, label, known[:PARENTS], rng)
        made += [latest[label]] if view.unbalanced else []
        choices.append(list(dict.fromkeys(known[:KNOWN] + made)))
        drawn.append(part.draws(choices[-1], count, rng))
    total = sum(view.quotas)
    return unseen(
        view, [divided(choices, row, total) for row in zip(*drawn, strict=True)], choices, rng
    )


def divided(
    choices: Sequence[Sequence[Choice]], qualities: Sequence[np.ndarray], total: int
) -> list[Choice]:
    """Of each class the choice such that all have `total` images and the largest sum of qualities.

    By dynamic programming over the classes and the number of images of those before.
    """
    best: dict[int, tuple[float, list[Choice]]] = {0: (0.0, [])}
    for own, quality in zip(choices, qualities, strict=True):
        of_size: dict[int, int] = {}  # the best choice of each number of images
        for at in np.argsort(-quality, kind="stable"):
            of_size.setdefault(len(own[at]), at)
        longer: dict[int, tuple[float, list[Choice]]] = {}
        for (used, (before, taken)), (size, at) in itertools.product(best.items(), of_size.items()):
            value = before + float(quality[at])
            if used + size <= total and value > longer.get(used + size, (-np.inf,))[0]:
                longer[used + size] = value, [*taken, own[at]]
        best = longer
    return best[total][1]


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
            equal = [one for one in choices[label] if len(one) == len(proposal[label])]
            proposal[label] = equal[int(rng.integers(len(equal)))]
        taken.add(tuple(found.tolist()))
        sets.append(found)
    return sets


def believed(pool: Pool, history: Sequence[Finished]) -> np.ndarray:
    """The posterior mean of every set, (n,); -inf for those too old for the model."""
    old = max(0, len(history) - RECENT)
    return np.concatenate([np.full(old, -np.inf), Model(pool, history[old:]).fitted()])


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


def children(
    view: View, label: int, parents: Sequence[Choice], rng: np.random.Generator
) -> list[Choice]:
    """Changes of a class's best choices; in an unbalanced search, also of their number."""
    members = view.pool.members[label]
    made: dict[Choice, None] = {}
    for _ in range(CHILDREN):
        child = list(parents[min(len(parents) - 1, int(rng.exponential(2.5)))])
        if view.unbalanced and rng.random() < RESIZED:
            child = resized(child, parents, members, rng)
        elif 0 < len(child) < len(members):
            child = changed(view.pool, label, child, parents, rng)
        made[tuple(sorted(child))] = None
    return list(made)


def changed(
    pool: Pool, label: int, child: list[int], parents: Sequence[Choice], rng: np.random.Generator
) -> list[int]:
    """A near image for one, images of another choice, or any image for one."""
    slot, kind = int(rng.integers(len(child))), rng.random()
    if 0.4 <= kind < 0.8:
        both = np.union1d(child, parents[int(rng.integers(len(parents)))])
        mixed: list[int] = rng.choice(both, len(child), replace=False).tolist()
        return mixed
    near = kind < 0.4
    free = np.setdiff1d(
        neighbours(pool, label, child[slot]) if near else pool.members[label], child
    )
    child[slot] = int(rng.choice(free)) if len(free) else child[slot]
    return child


def resized(
    child: list[int], parents: Sequence[Choice], members: np.ndarray, rng: np.random.Generator
) -> list[int]:
    """One image fewer, or one more: of the other good choices, else any."""
    if child and rng.random() < 0.5:
        child.pop(int(rng.integers(len(child))))
        return child
    good = np.setdiff1d(np.concatenate([*parents, ()]).astype(np.int64), child)
    free = good if len(good) else np.setdiff1d(members, child)
    return [*child, int(rng.choice(free))] if len(child) + 1 < len(members) else child


@functools.lru_cache(maxsize=2**14)
def neighbours(pool: Pool, label: int, image: int) -> np.ndarray:
    """The images of the class that are nearest to one of them, in pixels."""
    members = pool.members[label]
    distance = ((pool.pixels(members) - pool.pixels(np.array([image]))) ** 2).sum(1)
    nearest: np.ndarray = members[np.argsort(distance, kind="stable")[1 : NEIGHBOURS + 1]]
    return nearest


SETTINGS = {"search_seeds": 1, "batch": 32, "fidelity": "auto"}
METHOD = Method(thompson, fresh=True, settings=SETTINGS, believe=believed)
