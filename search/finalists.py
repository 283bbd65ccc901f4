"""Luck under control: the best of many noisy scores is re-scored before it is believed.

A search scores on training images. The winner is chosen among the study's top sets by fresh seeds
on one half of validation, and reported with other seeds on the other half, which chose nothing. The
random search of equal budget that a search has to beat goes through the very same choice, and the
strongest of the simple rules is found by the same scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reproduce.candidate import Candidate
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import Paired, by_candidate, by_seed, paired, summarise, summary_of
from search.seeds import CHOICE, FRESH, first

CHOOSES, REPORTS = "validation-a", "validation-b"
RANDOM_SETS = "random sets"  # a role: many sets, for whose spread few seeds of each do
FEW = 2
Progress = Callable[[int, int], None]


def choose(
    oracle: Oracle,
    tops: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = lambda done, total: None,
) -> Candidate:
    """The set that fresh seeds on the half of validation that chooses prefer.

    Parameters
    ----------
    tops : sequence of Candidate
        The best sets of a study; one alone is taken as it is.
    seeds : int
        Fresh seeds for each.
    """
    if len(tops) == 1:
        return tops[0]
    finalists = [replace(top, role="finalist") for top in tops]
    return replace(best(oracle, finalists, protocol, seeds, progress), role=tops[0].role)


def best(
    oracle: Oracle,
    sets: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = lambda done, total: None,
) -> Candidate:
    """The set with the best mean over the seeds and images that choose; it says what chose it."""
    chosen_by = first(CHOICE, seeds)
    scored = oracle.score_many(sets, protocol, chosen_by, CHOOSES, progress=progress)
    winner = max(sets, key=lambda one: summarise(of(scored, one)).mean)
    return replace(winner, chosen_on=CHOOSES)


def rescore(
    oracle: Oracle,
    sets: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = lambda done, total: None,
) -> list[Record]:
    """Score sets on the seeds that are reported, random sets on the first two of them."""
    ordinary = [candidate for candidate in sets if candidate.role == RANDOM_SETS]
    named = [candidate for candidate in sets if candidate.role != RANDOM_SETS]
    scored: list[Record] = []
    for part, number in ((named, seeds), (ordinary, min(seeds, FEW))):
        fresh = first(FRESH, number)
        scored += oracle.score_many(part, protocol, fresh, REPORTS, progress=progress)
    return scored


def once(sets: Sequence[Candidate]) -> list[Candidate]:
    """Named sets of equal content as one: the first of them, with the names of all.

    They share their scores, which would count twice. Random sets stay as they were drawn.
    """
    kept: dict[str, Candidate] = {}
    for candidate in [one for one in sets if one.role != RANDOM_SETS]:
        same = kept.setdefault(candidate.hash, candidate)
        if candidate.name not in same.name.split(" = "):
            kept[candidate.hash] = same.renamed(f"{same.name} = {candidate.name}")
    return [*kept.values(), *(one for one in sets if one.role == RANDOM_SETS)]


def of(records: Sequence[Record], candidate: Candidate) -> list[Record]:
    """The records of a set in its role; an ordinary random set may have the same content."""
    asked = candidate.hash, candidate.role
    return [record for record in records if (record["candidate"], record["role"]) == asked]


@dataclass(frozen=True)
class Duel:
    """Two sets on the same seeds: the rival's name, and the paired test of ours against it."""

    rival: str
    test: Paired

    def __str__(self) -> str:
        gain = self.test.difference
        if math.isnan(self.test.p):
            return f"{gain.mean:+.2f} over {self.rival}"
        return f"{gain.mean:+.2f} ± {gain.se:.2f} over {self.rival}, p = {self.test.p:.2g}"


def duel(ours: Sequence[Record], theirs: Sequence[Record]) -> Duel:
    """The paired comparison of two sets over the seeds that both have."""
    return Duel(theirs[0]["name"], paired(by_seed(ours), by_seed(theirs)))


@dataclass(frozen=True)
class Spread:
    """The means of random sets: what luck gives.

    Attributes
    ----------
    sets : int
    mean, sd, best : float
        Of the sets' means, in percent; sd is NaN for one set.
    """

    sets: int
    mean: float
    sd: float
    best: float

    def __str__(self) -> str:
        return f"{self.sets} random sets: {self.mean:.2f}, sd {self.sd:.2f}, best {self.best:.2f}"


def spread(scored: Sequence[Record]) -> Spread:
    """The distribution of the sets that the records are of."""
    means = [summarise(own).mean for own in by_candidate(scored).values()]
    found = summary_of(means, "sets")
    return Spread(found.n, found.mean, found.sd, max(means))
