"""Validation of a set while it is learned: fresh networks on one half of the validation images."""

from __future__ import annotations

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.scoring.learners import Replicate, Where
from reproduce.scoring.network import Network

SEEDS = (1000, 1001)
MOST_IMAGES = 2000
CHOOSING, FRESH = "validation-a", "validation-b"  # the halves that choose and that score the set


def accuracy(candidate: Candidate, data: Dataset, device: str) -> float:
    """Mean accuracy in percent of networks that learn the set by its own recipe."""
    assert candidate.recipe is not None
    learner = Network(candidate.recipe)
    replicates = [Replicate(candidate, learner, seed) for seed in SEEDS]
    half = data.split(CHOOSING)
    scored = half.stratified(min(MOST_IMAGES, len(half)))
    answers = learner.score(replicates, scored, Where(device))
    return float(np.mean([answer.accuracy for answer in answers]))


def is_due(done: float, last: float, checks: int) -> bool:
    """Whether to validate now: `checks` times spread evenly over the budget, last at its end.

    Parameters
    ----------
    done, last : float
        Parts of the budget, 0 to 1, that are spent now and were at the last validation; 0 before
        the first.
    """
    part = 1 / checks
    return done == 1 or done // part > min(last, 1 - part) // part
