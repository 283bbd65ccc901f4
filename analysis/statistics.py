"""Statistics of few runs: intervals, the best of several sets, and equivalent n.

Pure functions; accuracies are in percent throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import isotonic_regression

from reproduce.summary import Summary, summarise, summary_of

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean of n values and where it lies at a stated confidence.

    `low` and `high` are NaN for n = 1: one value says nothing of its spread. `over` says what the
    values are, as in `reproduce.summary.Summary`: `networks` of one set, or `sets`.
    """

    n: int
    mean: float
    low: float
    high: float
    over: str = "networks"

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half:.2f}" if self.n > 1 else f"{self.mean:.2f}"

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2


def interval_of(summary: Summary, level: float = LEVEL) -> Interval:
    """Student's interval for the mean of independent values of about normal spread.

    Parameters
    ----------
    summary : Summary
        Of `reproduce.summary.summarise`, which says what the values are.
    level : float
        Confidence, 0..1.
    """
    n, mean, over = summary.n, summary.mean, summary.over
    if n == 1:
        return Interval(1, mean, math.nan, math.nan, over)
    reach = float(special.stdtrit(n - 1, (1 + level) / 2) * summary.se)
    return Interval(n, mean, mean - reach, mean + reach, over)


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """`interval_of` of plain values, at least one: of networks of one set."""
    return interval_of(summary_of(values), level)


def set_interval(sets: Sequence[Sequence[float]], level: float = LEVEL) -> Interval:
    """`interval_of` of sets' accuracies, a list for each set."""
    scored = ({"candidate": n, "accuracy": v} for n, of in enumerate(sets) for v in of)
    return interval_of(summarise(scored), level)


def best_of_k(scores: Sequence[Sequence[float]]) -> float:
    """The mean that fresh seeds are expected to give the best of several sets.

    The best of several noisy means is too high on average. In the normal model, sets differ by a
    normal spread and their scores by the noise of networks. The lead of the best over the mean of
    all sets then shrinks by the share of noise in the observed spread (James and Stein 1961; Efron
    2011 for selection).

    Parameters
    ----------
    scores : sequence of k sequences of float
        The accuracies of each set; k >= 2, two or more accuracies each.

    Raises
    ------
    ValueError
        For fewer sets or accuracies.
    """
    if len(scores) < 2 or min(map(len, scores)) < 2:
        raise ValueError("two or more sets with two or more accuracies each are needed")
    means = np.array([np.mean(score) for score in scores])
    noise = float(np.mean([np.var(score, ddof=1) / len(score) for score in scores]))
    spread = float(means.var(ddof=1))
    kept = max(0.0, 1 - noise / spread) if spread > 0 else 0.0
    best, centre = float(means.max()), float(means.mean())
    return centre + kept * (best - centre)


@dataclass(frozen=True)
class Equivalent:
    """How many random real images teach as well, with the interval that both errors leave.

    A bound of 0 or infinity means that it lies outside the sizes that were measured.
    """

    n: float
    low: float
    high: float


def equivalent_n(sizes: Sequence[float], curve: Sequence[Interval], score: Interval) -> Equivalent:
    """The number of random images at which their accuracy curve reaches a candidate's.

    The curve is made monotone (isotonic regression) and read between its sizes on a logarithmic
    axis. The interval is conservative: the candidate's lower end against the curve's upper one,
    and the other way round.

    Parameters
    ----------
    sizes : sequence of float
        Numbers of images, rising; at least two.
    curve : sequence of Interval
        Mean accuracy of random sets of each size.
    score : Interval
        The candidate's accuracy.
    """

    def end(interval: Interval, name: str) -> float:
        value = float(getattr(interval, name))
        return interval.mean if math.isnan(value) else value

    def read(name: str, accuracy: float) -> float:
        return _inverse(sizes, [end(point, name) for point in curve], accuracy)

    return Equivalent(
        read("mean", score.mean), read("high", end(score, "low")), read("low", end(score, "high"))
    )


def _inverse(sizes: Sequence[float], values: Sequence[float], accuracy: float) -> float:
    """The least size at which the monotone curve through `values` reaches `accuracy`."""
    places = np.log(np.asarray(sizes, float))
    rising = isotonic_regression(np.asarray(values, float)).x
    if accuracy < rising[0]:
        return 0.0
    if accuracy > rising[-1]:
        return math.inf
    right = int(np.searchsorted(rising, accuracy, side="left"))
    if right == 0:
        return float(sizes[0])
    share = (accuracy - rising[right - 1]) / (rising[right] - rising[right - 1])
    return float(np.exp(places[right - 1] + share * (places[right] - places[right - 1])))
