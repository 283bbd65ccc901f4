"""Validation of a set while it is learned: fresh networks on one half of the validation images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.scoring.network import Network

SEEDS = tuple(range(1000, 1002))
# Trainings of the essay's net take half a second, and differ by more than a percent: of 40 networks
# that learned one set of ten images, the standard deviation was 1.5.
QUICK_SEEDS = tuple(range(1000, 1010))
MOST_IMAGES = 2000
TINY = 1e-9  # that a part just reached counts, whatever rounding did to it
CHOOSING, FRESH = "validation-a", "validation-b"  # the halves that choose and that score the set


def accuracies(
    candidate: Candidate, names: Sequence[str], data: Dataset, device: str
) -> list[float]:
    """Mean accuracy in percent of each protocol's learners, which learn the set anew."""
    half = data.split(CHOOSING)
    scored = half.stratified(min(MOST_IMAGES, len(half)))
    return [
        _accuracy(candidate, protocols.learner(name, candidate), scored, device) for name in names
    ]


def _accuracy(candidate: Candidate, learner: Learner, scored: ImageSet, device: str) -> float:
    replicates = [Replicate(candidate, learner, seed) for seed in _seeds(learner)]
    answers = learner.score(replicates, scored, Where(device))
    return float(np.mean([answer.accuracy for answer in answers]))


def _seeds(learner: Learner) -> tuple[int, ...]:
    """Of the networks that learn a set anew; one where nothing is random."""
    if not learner.random:
        return SEEDS[:1]
    recipe = learner.recipe if isinstance(learner, Network) else None
    quick = recipe and recipe.model == "conv" and not recipe.shifts
    return QUICK_SEEDS if quick else SEEDS


def merit(accuracies: Sequence[float]) -> float:
    """What the best set has most of: between the mean and the weakest learner, half way."""
    return (float(np.mean(accuracies)) + min(accuracies)) / 2


def is_due(done: float, last: float, checks: int) -> bool:
    """Whether to validate now: `checks` times spread evenly over the budget, last at its end.

    Parameters
    ----------
    done, last : float
        Parts of the budget, 0 to 1, that are spent now and were at the last validation; 0 before
        the first.
    """
    now, before = (math.floor(part * checks + TINY) for part in (done, last))
    return done == 1 or now > min(before, checks - 1)
