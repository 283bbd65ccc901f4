"""What a search method is, and what it sees of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reproduce.oracle import Oracle
from reproduce.scoring.fidelity import Fidelity
from search.pool import Pool

ATTEMPTS = 50  # draws of a proposal before one that the study has seen is accepted


@dataclass(frozen=True)
class Finished:
    """A set that the study has scored.

    Attributes
    ----------
    position : int
        The set's number in the study, from 0.
    indices : tuple of int
        Positions in the training split, in canonical order.
    score : float
        Mean accuracy in percent over the seeds that the set was scored with.
    seed : int
        The first of these seeds.
    errors : tuple of C floats
        For each class, the mean percentage of images in error that are of the class or were taken
        for it. Empty where the oracle answers with one number.
    complete : bool
        Whether the set was scored with all seeds. A hopeless set is dropped after a few; its mean
        over few seeds must not be compared with means over all seeds.
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
        Images of each class. Where `unbalanced`, only their sum is binding, and a class may have
        none.
    unbalanced : bool
    history : sequence of Finished
        By position.
    start : int
        Position of the first set to propose.
    seed : int
    oracle : Oracle
        For methods that score sets before they propose them.
    protocol : str
        The protocol under which the study scores.
    split : str
        The split on which the study scores.
    fidelity : Fidelity
        How many images and epochs the proposed sets will be scored with.
    taken : frozenset of tuple
        Sets that the study has scored already.
    start_sets : tuple of tuple
        Sets from the user's files, from which the search starts.
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
    start_sets: tuple[tuple[int, ...], ...] = ()

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
            if quotas[giver] and quotas[taker] < len(self.pool.members[taker]):
                quotas[[giver, taker]] += (-1, 1)
        return tuple(quotas.tolist())


Propose = Callable[[View, int], list[np.ndarray]]
ProposeOne = Callable[[View, np.random.Generator], np.ndarray]
Rule = Callable[[Pool, Sequence[int], np.random.Generator], np.ndarray]
Believe = Callable[[Pool, Sequence[Finished]], np.ndarray]


@dataclass(frozen=True)
class Method:
    """A way to propose sets. Each file of `search/methods` with a `METHOD` is one.

    Attributes
    ----------
    propose : callable
        Takes a View and a number of sets, and returns as many sets in the pool's canonical order.
        It keeps no state: what it proposes follows from the view alone, so that a study that was
        killed continues in the same way on any machine.
    pure : bool
        The method does not learn from scores, so that no start sets are scored before its own.
    fresh : bool
        Every batch is scored with seeds of its own. This is for methods that learn from all scores
        together: they cannot overfit to one seed then.
    settings : mapping
        Fields of `SearchConfig` whose defaults are the method's own.
    believe : callable, optional
        Takes the pool and n finished sets, and returns what the method believes of their quality,
        shape (n,). This ranks the sets at the end of a study. None: their scores do.
    """

    propose: Propose
    pure: bool = False
    fresh: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    believe: Believe | None = None


def one_by_one(propose: ProposeOne, *, pure: bool = False) -> Method:
    """The method that proposes sets one at a time from the view, such as a move from the best.

    A set that the study has seen is drawn again, up to `ATTEMPTS` times.
    """

    def proposals(view: View, count: int) -> list[np.ndarray]:
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

    return Method(proposals, pure=pure)


def rule(choose: Rule) -> Method:
    """The method of a rule that makes one set from a pool, quotas and a generator.

    The rule is called with a `Pool`, whose `members` are positions of training images class by
    class, with how many images of each class it has to choose, and with a NumPy generator. It
    returns the positions that it chose.

    The first set comes from the whole pool, each later one from a random half of it: given a
    budget, a rule tries variants of its set.
    """

    def propose(view: View, rng: np.random.Generator) -> np.ndarray:
        if view.start == 0:
            return choose(view.pool, view.quotas, rng)
        quotas = view.drawn_quotas(rng)
        return choose(view.pool.halved(rng, quotas), quotas, rng)

    return one_by_one(propose, pure=True)
