"""Thompson sampling: a Gaussian process learns what each class's images are worth.

A proposal takes, for each class, the images that are best under one draw from the posterior
(Thompson 1933; `search/posterior.py`): images that may be good are tried, those that are surely not
are left alone. The images of a class come from the best sets so far, from small changes of them,
and from what a proxy makes of the best set: ridge regression on features of networks trained on it
(`search/proxy.py`). What the proxy says is a guess that the scores correct.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reproduce.errors import UserError
from reproduce.threads import torch_threads
from search.guide import Choice, Guide
from search.methods.base import ATTEMPTS, View, estimator, method
from search.methods.kmedoids import kmedoids
from search.methods.staged import proxy_for
from search.pool import Pool
from search.posterior import Model

FOUNDERS = 128  # sets of k-means medoids, mixed class by class, before the model proposes
MIXED = 16  # sets of medoids that are mixed
RECENT = 1000  # sets that the model learns from
KNOWN, CHILDREN, SWAPS = 20, 20, 20  # a class's choices: best known, changes, the proxy's swaps
PARENTS = 8
NEIGHBOURS = 30  # images near one, any of which may take its place
GUIDED = 192  # sets that are proposed with one proxy
OTHERS = 200  # images of each class that a proxy gets to know at random
NETS = 12  # networks of a proxy


@method("thompson", fresh_seeds=True, search_seeds=1, images=0, batch=32)
def thompson(view: View, count: int) -> list[np.ndarray]:
    """Sets that are best under draws from what the recent sets' scores say."""
    if view.unbalanced:
        raise UserError("thompson searches balanced sets or given quotas; leave --unbalanced out")
    rng = np.random.default_rng([view.seed, view.start])
    if len(view.history) < FOUNDERS:
        founders = list(zip(*solutions(view.pool, view.quotas, view.seed), strict=True))
        mixed = [[own[rng.integers(MIXED)] for own in founders] for _ in range(count)]
        return unseen(view, mixed, founders, rng)
    guide = guide_for(view)
    model = Model(view.pool, view.history[-RECENT:], guide)
    choices, best = [], []
    for label, part in enumerate(model.parts):
        known = part.best()
        made = children(guide.pool, label, known[:PARENTS], rng) + guide.swaps(label, SWAPS)
        choices.append(list(dict.fromkeys(known[:KNOWN] + made)))
        best.append(part.draws(choices[-1], count, rng).argmax(1))
    proposals = [
        [own[int(at)] for own, at in zip(choices, row, strict=True)] for row in np.transpose(best)
    ]
    return unseen(view, proposals, choices, rng)


def guide_for(view: View) -> Guide:
    """The guide of these positions: of the set believed best when the last `GUIDED` began."""
    start = view.start - (view.start - FOUNDERS) % GUIDED
    before = tuple(entry for entry in view.history if entry.position < start)
    return _guide(replace(view, start=start, history=before[-RECENT:], taken=frozenset()))


@functools.lru_cache(maxsize=2)
def _guide(view: View) -> Guide:
    """A guide to the images of a study's sets, to some near the best set's, and to some others."""
    believed_best = int(Model(view.pool, view.history).fitted().argmax())
    centre = np.array(view.history[believed_best].indices)
    known = np.unique([entry.indices for entry in view.history])
    rng = np.random.default_rng([view.seed, view.start, 2])
    members = []
    for label, own in enumerate(view.pool.members):
        near = [neighbours(view.pool, label, i) for i in np.intersect1d(centre, own).tolist()]
        others = rng.choice(own, min(OTHERS, len(own)), replace=False)
        members.append(np.unique(np.concatenate([np.intersect1d(known, own), others, *near])))
    images, pool = np.sort(np.concatenate(members)), Pool(view.pool.train, tuple(members))
    with torch_threads(view.oracle.workers):  # which wait for what is proposed
        return Guide(proxy_for(view, centre, images, rng, NETS), pool, centre)


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
def believed(view: View) -> np.ndarray:
    """The model's mean for every set, (n,); -inf for those that it has forgotten."""
    old = max(0, len(view.history) - RECENT)
    guide = guide_for(view) if len(view.history) > FOUNDERS else None
    worths = Model(view.pool, view.history[old:], guide).fitted()
    return np.concatenate([np.full(old, -np.inf), worths])


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
    pool: Pool, label: int, parents: Sequence[Choice], rng: np.random.Generator
) -> list[Choice]:
    """Changes of a class's best choices: a near image for one, another's images, any image."""
    members = pool.members[label]
    if len(members) <= len(parents[0]) or not parents[0]:
        return []
    made: dict[Choice, None] = {}
    for _ in range(CHILDREN):
        child = list(parents[min(len(parents) - 1, int(rng.exponential(2.5)))])
        slot, kind = int(rng.integers(len(child))), rng.random()
        if kind < 0.4:
            free = np.setdiff1d(neighbours(pool, label, child[slot]), child)
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
