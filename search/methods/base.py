"""What a search method is, and the registry of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reproduce.errors import UserError
from reproduce.oracle import Fidelity, Oracle
from search.pool import Pool


@dataclass(frozen=True)
class Finished:
    """A set that the study has scored.

    Attributes
    ----------
    position : int
        Its place in the study, from 0.
    indices : tuple of int
        Positions in the training split, in canonical order.
    score : float
        Mean accuracy in percent over the seeds that it was scored with.
    seed : int
        The first of those.
    errors : tuple of C floats
        Mean percentage of images that are of each class, or taken for it, in error; empty where
        the oracle knows a number only.
    complete : bool
        Whether it was scored with all seeds. A hopeless set is dropped after a few, and its mean
        over few seeds is not compared with means over all.
    """

    position: int
    indices: tuple[int, ...]
    score: float
    seed: int = 0
    errors: tuple[float, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class View:
    """What a method may look at.

    Attributes
    ----------
    pool : Pool
    quotas : tuple of int
        Images of each class; where `unbalanced`, only their sum is binding.
    unbalanced : bool
    history : sequence of Finished
        By position.
    start : int
        Position of the first set to propose.
    seed : int
    oracle : Oracle
        For methods that score sets before they propose them.
    protocol : str
        The protocol that the study scores by.
    split : str
        The split that the study scores on.
    fidelity : Fidelity
        How much of a full score these sets are given, and on which of the split's images.
    taken : frozenset of tuple
        Sets that the study has scored or is scoring.
    given : tuple of tuple
        Sets that the search was given to start from.
    """

    pool: Pool
    quotas: tuple[int, ...]
    unbalanced: bool
    history: Sequence[Finished]
    start: int
    seed: int
    oracle: Oracle
    protocol: str
    split: str
    fidelity: Fidelity
    taken: frozenset[tuple[int, ...]]
    given: tuple[tuple[int, ...], ...] = ()

    def best(self) -> Finished | None:
        """The best set so far, the earliest of equals; None at the start."""
        return next(iter(self.ranked()), None)

    def ranked(self) -> list[Finished]:
        """The sets that were scored with all seeds, best first, the earliest of equals first."""
        complete = [finished for finished in self.history if finished.complete]
        return sorted(complete, key=lambda f: (-f.score, f.position))

    def quotas_of(self, indices: np.ndarray) -> tuple[int, ...]:
        """How many images of each class a set has."""
        labels = self.pool.train.labels[indices]
        return tuple(np.bincount(labels, minlength=len(self.pool.members)).tolist())

    def drawn_quotas(self, rng: np.random.Generator, moves: int = 2) -> tuple[int, ...]:
        """The quotas; where unbalanced, after up to `moves` images changed class at random."""
        quotas = np.array(self.quotas)
        for _ in range(int(rng.integers(moves + 1)) if self.unbalanced else 0):
            giver, taker = rng.choice(len(quotas), 2, replace=False)
            if quotas[giver] > 1 and quotas[taker] < len(self.pool.members[taker]):
                quotas[[giver, taker]] += (-1, 1)
        return tuple(quotas.tolist())


Method = Callable[[View, int], list[np.ndarray]]
Proposer = Callable[[View, np.random.Generator], np.ndarray]
Constructor = Callable[[Pool, Sequence[int], np.random.Generator], np.ndarray]
Estimator = Callable[[Pool, Sequence[Finished]], np.ndarray]
METHODS: dict[str, Method] = {}
ESTIMATORS: dict[str, Estimator] = {}  # what methods believe of sets, where not their scores
FRESH: set[str] = set()  # methods whose every batch is scored with seeds and images of its own
SETTINGS: dict[str, dict[str, int]] = {}  # of a search, where a method wants other than usual ones
ATTEMPTS = 50  # to propose a set that the study has not seen


def method(name: str, fresh: bool = False, **settings: int) -> Callable[[Method], Method]:
    """Register a function of the view and a number of sets as the method `name`.

    With `fresh` every batch is scored with other seeds, and on the next so many images where not
    all are used, for methods that learn from all scores together: no seed's luck is learned then,
    and no image by heart. `settings` are those of `SearchConfig` that are the method's own where
    the user says nothing.
    """

    def register(function: Method) -> Method:
        METHODS[name], SETTINGS[name] = function, settings
        if fresh:
            FRESH.add(name)
        return function

    return register


def estimator(name: str) -> Callable[[Estimator], Estimator]:
    """Register what the method `name` believes of finished sets: it ranks them, not luck."""

    def register(function: Estimator) -> Estimator:
        ESTIMATORS[name] = function
        return function

    return register


def proposer(name: str) -> Callable[[Proposer], Proposer]:
    """Register a function that proposes one set from the view, such as a move from the best."""

    def register(function: Proposer) -> Proposer:
        METHODS[name] = functools.partial(_proposals, function)
        return function

    return register


def constructor(name: str) -> Callable[[Constructor], Constructor]:
    """Register a one-shot rule that makes a set of a pool and quotas.

    The first set comes of the whole pool, each later one of a random half of it: so a rule with a
    budget tries variants of itself.
    """

    def register(function: Constructor) -> Constructor:
        def propose(view: View, rng: np.random.Generator) -> np.ndarray:
            if view.start == 0:
                return function(view.pool, view.quotas, rng)
            quotas = view.drawn_quotas(rng)
            return function(view.pool.halved(rng, quotas), quotas, rng)

        METHODS[name] = functools.partial(_proposals, propose)
        return function

    return register


def _proposals(propose: Proposer, view: View, count: int) -> list[np.ndarray]:
    """`count` sets that the study has not seen; after many attempts also one that it has."""
    taken, sets = set(view.taken), []
    for position in range(view.start, view.start + count):
        for attempt in range(ATTEMPTS):
            rng = np.random.default_rng([view.seed, position, attempt])
            found = view.pool.canonical(propose(replace(view, start=position), rng))
            if tuple(found.tolist()) not in taken:
                break
        taken.add(tuple(found.tolist()))
        sets.append(found)
    return sets


def named(name: str) -> Method:
    """The method called `name`; UserError for an unknown one."""
    if name not in METHODS:
        raise UserError(f"unknown method {name!r}, use one of {', '.join(METHODS)}")
    return METHODS[name]
