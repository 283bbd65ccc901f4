"""The essay's draws, and its deterministic numbers to the last digit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from reproduce import Dataset, Oracle, UserError
from reproduce.essay import comparison, draws, experiments
from reproduce.essay.experiments import Published
from reproduce.records import read
from reproduce.summary import Summary, summary_of

ROOT = Path(__file__).resolve().parents[3]

FIRST_TEN = {
    ("table", 1): [33580, 6660, 21807, 47906, 2051, 45569, 39110, 18109, 8582, 30747],
    ("figures", 1): [33580, 6660, 21807, 47906, 2051, 45569, 39110, 18109, 8582, 30747],
    ("table", 5): [44590, 41958, 48751, 22008, 45194, 34839, 47477, 2051, 42655, 42111],
    ("figures", 5): [16168, 18051, 29983, 11525, 2726, 32637, 26203, 9749, 18904, 44727],
    ("table", 10): [30453, 23596, 22008, 40569, 22607, 31188, 32972, 48801, 42899, 2051],
    ("figures", 10): [40033, 37379, 17636, 42904, 18533, 18375, 1418, 14993, 21686, 41298],
}


@pytest.mark.parametrize(("draw", "ipc"), FIRST_TEN)
def test_draws_begin_as_the_essays(mnist: Dataset, draw: str, ipc: int) -> None:
    chosen = draws.draw_indices(mnist.train.labels, ipc, draw)
    assert chosen[:10].tolist() == FIRST_TEN[draw, ipc]
    assert np.bincount(mnist.train.labels[chosen]).tolist() == [ipc] * 10


def test_table_draws_are_nested(mnist: Dataset) -> None:
    one, five, ten = (set(draws.draw_indices(mnist.train.labels, n)) for n in (1, 5, 10))
    assert one < five < ten


def test_any_size_from_any_data(digits: Dataset) -> None:
    labels = digits.train.labels
    for draw in draws.DRAWS:
        chosen = draws.draw_indices(labels, 7, draw)
        assert np.bincount(labels[chosen]).tolist() == [7] * 10
    assert len(draws.draw_indices(labels, 0)) == len(labels)
    assert len(draws.rmnist(digits, 0)) == len(labels)
    for bad in (-1, 10_000):
        with pytest.raises(UserError):
            draws.draw_indices(labels, bad)
    with pytest.raises(UserError, match="unknown draw"):
        draws.draw_indices(labels, 1, "third")


@pytest.mark.parametrize("protocol", ["svm-rbf", "svm-linear", "knn"])
def test_published_nine_exactly(mnist: Dataset, protocol: str) -> None:
    sets = [draws.rmnist(mnist, n) for n in (1, 5, 10)]
    records = Oracle(mnist).score_many(sets, protocol, [0])
    published = [p.accuracy for p in experiments.published() if p.protocol == protocol and p.ipc]
    assert [round(record["accuracy"], 2) for record in records] == published
    cells = [c for c in comparison.compare(records, "table") if c.published.protocol == protocol]
    assert [cell.verdict for cell in cells] == ["exact"] * 3


def number(accuracy: float, random: bool = True) -> Published:
    return Published("tree" if random else "knn", 1, "table", accuracy, random, "a test")


def test_verdicts_on_what_is_not_random() -> None:
    assert comparison.verdict(number(70.0, False), Summary(1, 70.004, np.nan, np.nan)) == "exact"
    assert comparison.verdict(number(70.0, False), Summary(1, 70.01, np.nan, np.nan)) == "differs"


def test_verdicts_rest_on_one_more_runs_prediction_interval(rng: np.random.Generator) -> None:
    """Beyond two standard deviations one more than three runs falls far more often."""
    outside, beyond_two = [], []
    for _ in range(4000):
        *runs, one_more = rng.normal(70, 2, 4)
        ours = summary_of(runs)
        outside.append(comparison.verdict(number(one_more), ours) == "outside")
        beyond_two.append(abs(one_more - ours.mean) > 2 * ours.sd * np.sqrt(1 + 1 / 3))
    assert 0.035 < np.mean(outside) < 0.065
    assert np.mean(beyond_two) > 0.15
    students = stats.t(2).ppf(0.975) * 2 * np.sqrt(1 / 5 + 1 / 3)
    assert comparison.reach_of(Summary(3, 70, 2.0, 1.2), runs=5) == pytest.approx(students)


def test_no_verdict_without_a_spread() -> None:
    assert comparison.verdict(number(99.34), Summary(1, 99.19, np.nan, np.nan)) == "one run each"
    assert comparison.verdict(number(70.0), Summary(1, 70.0, np.nan, np.nan)) == "one run each"
    assert comparison.verdict(number(70.0), Summary(3, 70.0, 0.0, 0.0)) == "no spread"


def test_every_verdict_on_record_can_fail() -> None:
    """What is random is judged by the spread on record, and a number beyond it is outside."""
    cells = comparison.compare_draws(read(ROOT / "results" / "records" / "essay.jsonl"))
    judged = [cell for cell in cells if cell.published.random and cell.ours.n > 1]
    assert len(judged) > 20
    for cell in judged:
        far = cell.ours.mean + 1.01 * comparison.reach_of(cell.ours)
        beyond = replace(cell.published, accuracy=far)
        assert comparison.verdict(beyond, cell.ours) == "outside"


def test_own_data_called_mnist_never_stand_beside_published_numbers(
    digits: Dataset,
) -> None:
    named = replace(digits, name="mnist")
    scored = Oracle(named, workers=1).score(draws.rmnist(named, 1), "knn", [0])
    assert scored[0]["dataset"] == "mnist"
    assert comparison.compare_draws(scored) == []


def test_scores_that_were_asked_for_under_both_draws_count_once() -> None:
    kept = read(ROOT / "results" / "records" / "essay.jsonl")
    cells = comparison.compare_draws(kept)
    again = comparison.compare_draws([*kept, *kept])
    assert [(str(c.ours), c.ours.n) for c in again] == [(str(c.ours), c.ours.n) for c in cells]


def test_published_numbers_name_their_source() -> None:
    numbers = experiments.published()
    assert len({(p.protocol, p.ipc) for p in numbers}) == len(numbers) == 39
    assert all(p.source and 10 < p.accuracy < 100 for p in numbers)
    assert sum(not p.random and p.ipc > 0 for p in numbers) == 9
    assert {p.draw for p in numbers if p.ipc} == set(draws.DRAWS)
