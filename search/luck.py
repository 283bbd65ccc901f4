"""Luck under control: the best of many noisy scores is re-scored before it is believed.

The winner is chosen among the study's top sets by fresh seeds on the half of validation that the
search has not seen, and reported with seeds that were not used for that choice either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reproduce.candidate import Candidate
from reproduce.comparison import summarise
from reproduce.oracle import Oracle
from reproduce.records import Record

SPLIT = "validation-b"
CHOICE = 500  # first of the seeds that choose among the top sets
FRESH = 1000  # first of the seeds that are reported
ORDINARY = "random sets"  # their name: many sets, for whose spread few seeds of each do
FEW = 2
Progress = Callable[[int, int], None]


def choose(
    oracle: Oracle,
    tops: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = lambda done, total: None,
) -> Candidate:
    """The set with the best mean over fresh seeds on the other half of validation."""
    if len(tops) == 1:
        return tops[0]
    named = [top.renamed(f"{top.name}, one of the best") for top in tops]
    scored = oracle.score_many(
        named, protocol, range(CHOICE, CHOICE + seeds), SPLIT, progress=progress
    )
    return max(tops, key=lambda top: summarise(of(scored, top)).mean)


def rescore(
    oracle: Oracle,
    sets: Sequence[Candidate],
    protocol: str,
    seeds: int,
    progress: Progress = lambda done, total: None,
) -> list[Record]:
    """Score sets on the seeds that are reported, random sets on the first two of them."""
    ordinary = [candidate for candidate in sets if candidate.name == ORDINARY]
    named = [candidate for candidate in sets if candidate.name != ORDINARY]
    scored: list[Record] = []
    for part, number in ((named, seeds), (ordinary, min(seeds, FEW))):
        fresh = range(FRESH, FRESH + number)
        scored += oracle.score_many(part, protocol, fresh, SPLIT, progress=progress)
    return scored


def of(records: Sequence[Record], candidate: Candidate) -> list[Record]:
    """The records of a set."""
    return [record for record in records if record["candidate"] == candidate.hash]


@dataclass(frozen=True)
class Duel:
    """Two sets on the same seeds.

    Attributes
    ----------
    rival : str
    gain : float
        Mean of the first less the rival's, in points.
    error : float
        Its standard error over seeds, NaN for one seed.
    p : float
        Of the paired t-test, two-sided; NaN where it cannot be made.
    """

    rival: str
    gain: float
    error: float
    p: float

    def __str__(self) -> str:
        if np.isnan(self.p):
            return f"{self.gain:+.2f} over {self.rival}"
        return f"{self.gain:+.2f} ± {self.error:.2f} over {self.rival}, p = {self.p:.2g}"


def duel(ours: Sequence[Record], theirs: Sequence[Record]) -> Duel:
    """The paired comparison of two sets over the seeds that both have."""
    from scipy import stats

    scores = [{record["seed"]: record["accuracy"] for record in part} for part in (ours, theirs)]
    shared = sorted(set(scores[0]) & set(scores[1]))
    first, second = (np.array([part[seed] for seed in shared]) for part in scores)
    gains = first - second
    paired = len(gains) > 1 and gains.std() > 0
    return Duel(
        rival=theirs[0]["name"],
        gain=float(gains.mean()),
        error=float(gains.std(ddof=1) / np.sqrt(len(gains))) if paired else np.nan,
        p=float(stats.ttest_rel(first, second).pvalue) if paired else np.nan,
    )


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
    by_set: dict[str, list[float]] = {}
    for record in scored:
        by_set.setdefault(record["candidate"], []).append(record["accuracy"])
    means = np.array([np.mean(values) for values in by_set.values()])
    sd = float(means.std(ddof=1)) if len(means) > 1 else np.nan
    return Spread(len(means), float(means.mean()), sd, float(means.max()))
