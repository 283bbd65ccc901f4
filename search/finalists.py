"""Finalists: the best sets of a study are scored again, because their search scores are too high.

A search scores on training images, and the best of many noisy scores owes part of its lead to luck.
So fresh seeds on one half of validation choose among the study's best sets, and other seeds on the
other half report the choice. The random search of equal budget that a search has to beat goes
through the same choice, and the same scores find the strongest of the simple rules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reproduce.candidate import Candidate
from reproduce.commands.options import LONG, MOST_SEEDS, option
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.summary import Summary, by_candidate, summarise, summary_of
from reproduce.support.progress import Progress, silent
from reproduce.support.schema import Optional, Whole, check_fields
from search.seeds import CHOICE, FRESH, first

CHOOSES, REPORTS = "validation-a", "validation-b"
RANDOM_SETS = "random sets"  # the role of many sets, which together show how much sets differ
SEEDS = 10  # of finalists and reports, where the budget allows
FEW = 2  # seeds of each random set


@dataclass(frozen=True)
class Final:
    """How the best sets of a study are scored again.

    Raises
    ------
    UserError
        For a value out of range, or more seeds than are reserved.
    """

    seeds: int | None = option(
        None,
        "Fresh seeds of the last finalists, and as many others to report. Default: 10, fewer where "
        "the budget is short.",
        Optional(Whole(1, MOST_SEEDS)),
        group=LONG,
    )
    tops: int = option(
        8,
        "Number of finalists: best sets among which fresh seeds choose.",
        Whole(1, 10_000),
        group=LONG,
    )
    random_sets: int = option(
        10,
        "Random sets to compare with, beside a random search of equal budget; 0 leaves out both.",
        Whole(0, 10_000),
        group=LONG,
    )

    def __post_init__(self) -> None:
        check_fields(self, "search")
        first(CHOICE, self.replicates)

    @property
    def replicates(self) -> int:
        """The seeds, ten where their number was left open."""
        return self.seeds or SEEDS


def heats(sets: int, seeds: int) -> list[tuple[int, int]]:
    """Successive halving: in each heat, how many sets have how many seeds in all.

    All sets start with few seeds, two where there are two. The better half goes on with twice as
    many, and the last two have all seeds (Jamieson and Talwalkar 2016).
    """
    rounds = max(1, math.ceil(math.log2(sets)))
    return [
        (-(-sets // 2**heat), max(min(2, seeds), -(-seeds // 2 ** (rounds - 1 - heat))))
        for heat in range(rounds)
    ]


def choose(
    oracle: Oracle,
    tops: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = silent,
) -> Candidate:
    """The best of some finalists by fresh seeds on the half of validation that chooses.

    Parameters
    ----------
    oracle : Oracle
    tops : sequence of Candidate
        The best sets of a study. A single one is returned as it is.
    protocol : str
    seeds : int
        Number of fresh seeds of those that are left in the last heat.
    progress : callable
        Told how many scores are done, of how many.
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
    progress: Progress = silent,
) -> Candidate:
    """The set with the best mean score in the last of the heats; it says what chose it."""
    left = list(sets)
    for count, number in heats(len(sets), seeds):
        left = left[:count]
        scored = oracle.score_many(
            left, protocol, first(CHOICE, number), CHOOSES, progress=progress
        )
        left.sort(key=lambda one: -summarise(of(scored, one)).mean)
    return replace(left[0], chosen_on=CHOOSES)


def rescore(
    oracle: Oracle,
    sets: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = silent,
) -> list[Record]:
    """Score sets with the seeds and images that report; random sets with two seeds only."""
    named, random_sets = _parted(sets)
    scored: list[Record] = []
    for part, number in ((named, seeds), (random_sets, min(seeds, FEW))):
        fresh = first(FRESH, number)
        scored += oracle.score_many(part, protocol, fresh, REPORTS, progress=progress)
    return scored


def _parted(sets: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Sets with names of their own, and random sets."""
    random_sets = [candidate for candidate in sets if candidate.role == RANDOM_SETS]
    return [candidate for candidate in sets if candidate.role != RANDOM_SETS], random_sets


def once(sets: Sequence[Candidate]) -> list[Candidate]:
    """The sets, with those of equal content merged into the first, which takes all their names.

    Merged sets share their scores, which would otherwise count twice. Random sets are not merged.
    """
    kept: dict[str, Candidate] = {}
    named, random_sets = _parted(sets)
    for candidate in named:
        same = kept.setdefault(candidate.hash, candidate)
        if candidate.name not in same.name.split(" = "):
            kept[candidate.hash] = same.renamed(f"{same.name} = {candidate.name}")
    return [*kept.values(), *random_sets]


def of(records: Sequence[Record], candidate: Candidate) -> list[Record]:
    """The records of a set in its role, for a random set may have the same content."""
    wanted = candidate.hash, candidate.role
    return [record for record in records if (record["candidate"], record["role"]) == wanted]


@dataclass(frozen=True)
class Spread:
    """How much random sets differ: a summary of their means, and the best mean, in percent."""

    means: Summary
    best: float

    def __str__(self) -> str:
        mean, sd = self.means.mean, self.means.sd
        return f"{self.means.n} random sets: {mean:.2f}, sd {sd:.2f}, best {self.best:.2f}"


def spread(scored: Sequence[Record]) -> Spread:
    """The distribution of the sets that the records are of."""
    means = [summarise(own).mean for own in by_candidate(scored).values()]
    return Spread(summary_of(means, "sets"), max(means))
