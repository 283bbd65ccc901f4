"""Validation of a set while it is learned: fresh networks on one half of the validation images."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from distill.config import DistillConfig
from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet
from reproduce.scoring.fidelity import Fidelity
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.scoring.network import Network

SEEDS = tuple(range(1000, 1002))
# Trainings of the essay's net take half a second, and differ by more than a percent: of 40 networks
# that learned one set of ten images, the standard deviation was 1.5.
QUICK_SEEDS = tuple(range(1000, 1010))
MOST_IMAGES = 2000
MOST_CHECKS, APART, SHARE = 12, 10, 0.2  # validations; updates between two; of the time
SAMPLE = 50  # of so many epochs one is timed, to know how long all take
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


def seconds(candidate: Candidate, names: Sequence[str], data: Dataset, device: str) -> float:
    """About how long `accuracies` takes, by trainings of few epochs."""
    half = data.split(CHOOSING)
    scored = half.stratified(min(MOST_IMAGES, len(half)))
    return sum(_seconds(candidate, protocols.learner(n, candidate), scored, device) for n in names)


def _seconds(candidate: Candidate, learner: Learner, scored: ImageSet, device: str) -> float:
    def timed(shorter: Learner) -> float:
        started = time.monotonic()
        _accuracy(candidate, shorter, scored, device)
        return time.monotonic() - started

    if not isinstance(learner, Network):
        return timed(learner)
    epochs = learner.recipe.epochs
    some = min(epochs, 2 + epochs // SAMPLE)
    timed(learner.reduced(Fidelity(epochs=1)))  # what is compiled is compiled here
    one = timed(learner.reduced(Fidelity(epochs=1)))
    each = (timed(learner.reduced(Fidelity(epochs=some))) - one) / (some - 1) if some > 1 else 0.0
    return one + max(0.0, each) * (epochs - 1)


def networks(names: Sequence[str], candidate: Candidate) -> int:
    """How many learners `accuracies` trains."""
    return sum(len(_seeds(protocols.learner(name, candidate))) for name in names)


def fitting(config: DistillConfig, takes: Callable[[], float]) -> int:
    """How many validations suit a run: what the user says, or at least 1.

    Parameters
    ----------
    config : DistillConfig
        Filled.
    takes : callable
        Says how many seconds a validation takes; asked where there are minutes alone. A run of so
        many steps must not depend on the clock.
    """
    if config.checks is not None:
        return config.checks
    if config.steps is not None:
        return max(1, min(MOST_CHECKS, config.steps // APART))
    room = SHARE * 60 * (config.minutes or 0)
    return max(1, min(MOST_CHECKS, int(room / max(takes(), TINY))))


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
