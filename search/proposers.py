"""Proposers: ways to suggest the next balanced subset. Each is one function in this file.

A proposer takes the pool, the images per class, the best subset so far (None at first) and a
generator, and returns positions in the training split, class by class, ipc for each.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reproduce.errors import UserError
from search.pool import Pool

Proposer = Callable[[Pool, int, np.ndarray | None, np.random.Generator], np.ndarray]
PROPOSERS: dict[str, Proposer] = {}


def proposer(name: str) -> Callable[[Proposer], Proposer]:
    """Register a function as the search method `name`."""

    def register(function: Proposer) -> Proposer:
        PROPOSERS[name] = function
        return function

    return register


def named(name: str) -> Proposer:
    """The proposer called `name`; UserError for an unknown one."""
    if name not in PROPOSERS:
        raise UserError(f"unknown method {name!r}, use one of {', '.join(PROPOSERS)}")
    return PROPOSERS[name]


def canonical(indices: np.ndarray, ipc: int) -> np.ndarray:
    """The same set in its one canonical order: class by class, rising within a class."""
    return np.sort(np.asarray(indices).reshape(-1, ipc), axis=1).ravel()


def nearest_mean(pool: Pool, ipc: int) -> np.ndarray:
    """The `ipc` images of each class nearest to the class's mean: a strong baseline."""
    return canonical(np.concatenate([members[:ipc] for members in pool.members]), ipc)


@proposer("random")
def random(pool: Pool, ipc: int, best: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Images drawn at random, the same number of each class."""
    chosen = [rng.choice(members, ipc, replace=False) for members in pool.members]
    return canonical(np.concatenate(chosen), ipc)


@proposer("swap")
def swap(pool: Pool, ipc: int, best: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """The best subset with one to three of its images swapped for others of their class."""
    if best is None:
        return random(pool, ipc, best, rng)
    proposal = best.copy()
    moves = min(int(rng.integers(1, 4)), len(best))
    for slot in rng.choice(len(best), moves, replace=False):
        members = pool.members[slot // ipc]
        free = np.setdiff1d(members, proposal)
        if len(free):
            proposal[slot] = rng.choice(free)
    return canonical(proposal, ipc)
