"""Statistics against scipy, simulation and what must hold of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.command import comparison_words
from analysis.statistics import (
    Interval,
    best_of_k,
    equivalent_n,
    mean_interval,
    set_interval,
)
from reproduce.summary import paired

accuracies = st.lists(st.floats(0, 100), min_size=3, max_size=20)


@given(accuracies, st.sampled_from([0.5, 0.9, 0.95]))
def test_interval_is_students(values: list[float], level: float) -> None:
    ours = mean_interval(values, level)
    error = stats.sem(values)
    if error > 1e-9:
        low, high = stats.t.interval(level, len(values) - 1, np.mean(values), error)
        assert (ours.low, ours.high) == pytest.approx((low, high))
    assert ours.mean == pytest.approx(np.mean(values))


def test_interval_covers_as_often_as_it_says(rng: np.random.Generator) -> None:
    inside = []
    for _ in range(2000):
        ours = mean_interval(rng.normal(60, 5, 4).tolist())
        inside.append(ours.low <= 60 <= ours.high)
    assert 0.93 < np.mean(inside) < 0.97


def test_one_value_has_no_interval() -> None:
    assert mean_interval([60]).mean == 60
    assert math.isnan(mean_interval([60]).low)


def test_networks_of_one_set_do_not_count_as_sets(rng: np.random.Generator) -> None:
    sets = rng.normal(50, 5, 5)
    groups = [(centre + rng.normal(0, 0.1, 10)).tolist() for centre in sets]
    clustered, pooled = set_interval(groups), mean_interval(np.concatenate(groups).tolist())
    assert clustered.n == 5
    assert clustered.half > 2 * pooled.half
    assert set_interval(groups[:1]) == mean_interval(groups[0])


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=12))
def test_paired_is_scipys(pairs: list[tuple[float, float]]) -> None:
    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    ours = paired(dict(enumerate(a)), dict(enumerate(b)) | {99: 1.0})
    if np.std(np.subtract(a, b)) > 1e-6:
        theirs = stats.ttest_rel(a, b)
        assert ours.p == pytest.approx(theirs.pvalue)
        interval = theirs.confidence_interval(0.95)
        assert (ours.low, ours.high) == pytest.approx(tuple(interval))


def test_pairing_sees_what_the_seeds_share(rng: np.random.Generator) -> None:
    seeds = rng.normal(60, 5, 8)
    a = dict(enumerate(seeds + 1 + rng.normal(0, 0.1, 8)))
    b = dict(enumerate(seeds))
    assert paired(a, b).p < 1e-6
    assert stats.ttest_ind(list(a.values()), list(b.values())).pvalue > 0.1


def test_b7_paired_without_spread_or_seeds() -> None:
    """Equal differences have no spread: p is undefined, however large they are."""
    for shift in (0.0, 1.0):
        found = paired({0: 41.0 + shift, 1: 43.0 + shift}, {0: 41.0, 1: 43.0})
        assert math.isnan(found.p)
        assert found.difference.mean == shift
        assert "no spread" in comparison_words("a", "b", found)
    assert math.isnan(paired({0: 42.0}, {0: 41.0}).p)
    with pytest.raises(ValueError, match="no shared seeds"):
        paired({0: 1.0}, {1: 1.0})


def test_best_of_k_is_right_on_average(rng: np.random.Generator) -> None:
    """Over many studies the corrected best is right on average; the observed one is not."""
    naive, corrected = [], []
    for _ in range(600):
        truth = rng.normal(60, 3, 30)
        scores = truth[:, None] + rng.normal(0, 4, (30, 3))
        best = best_of_k(scores.tolist())
        chosen = truth[scores.mean(1).argmax()]
        naive.append(scores.mean(1).max() - chosen)
        corrected.append(best - chosen)
    assert np.mean(naive) > 1
    assert abs(np.mean(corrected)) < 0.2


def test_best_of_equal_sets_is_about_the_mean(rng: np.random.Generator) -> None:
    leads = [best_of_k(rng.normal(60, 4, (20, 4)).tolist()) - 60 for _ in range(300)]
    assert 0 < np.mean(leads) < 1  # the best as scored leads by 3.7
    with pytest.raises(ValueError, match="two or more"):
        best_of_k([[1.0, 2.0]])


def points(*values: float) -> list[Interval]:
    return [Interval(5, value, value - 1, value + 1) for value in values]


def test_equivalent_n_reads_the_curve_on_a_log_axis() -> None:
    found = equivalent_n([10, 100, 1000], points(50, 80, 95), Interval(5, 65, 64, 66))
    assert found.n == pytest.approx(math.sqrt(1000))
    assert found.low < found.n < found.high
    single = equivalent_n([10, 100], points(50, 80), Interval(1, 80, math.nan, math.nan))
    assert single.n == pytest.approx(100)


def test_equivalent_n_outside_the_curve_is_a_bound() -> None:
    sizes, curve = [10, 100], points(50, 80)
    assert equivalent_n(sizes, curve, Interval(5, 90, 89, 91)).n == math.inf
    assert equivalent_n(sizes, curve, Interval(5, 40, 39, 41)).n == 0


@given(st.lists(st.floats(0, 100), min_size=2, max_size=8), st.floats(0, 100), st.floats(0, 20))
def test_equivalent_n_rises_with_accuracy(
    values: list[float], accuracy: float, more: float
) -> None:
    """Whatever noise has done to the curve."""
    sizes = [10.0 * 2**place for place in range(len(values))]
    lesser, greater = (
        equivalent_n(sizes, points(*values), Interval(5, score, score - 1, score + 1))
        for score in (accuracy, accuracy + more)
    )
    assert lesser.n <= greater.n + 1e-9
    assert lesser.low <= lesser.n * (1 + 1e-9)
    assert lesser.n <= lesser.high * (1 + 1e-9)
