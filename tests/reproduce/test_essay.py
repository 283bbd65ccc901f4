"""The essay's draws, and its deterministic numbers to the last digit."""

import numpy as np
import pytest

from reproduce import Dataset, Oracle, UserError, comparison, essay
from reproduce.comparison import Summary

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
    chosen = essay.draw_indices(mnist.train.labels, ipc, draw)
    assert chosen[:10].tolist() == FIRST_TEN[draw, ipc]
    assert np.bincount(mnist.train.labels[chosen]).tolist() == [ipc] * 10


def test_table_draws_are_nested(mnist: Dataset) -> None:
    one, five, ten = (set(essay.draw_indices(mnist.train.labels, n)) for n in (1, 5, 10))
    assert one < five < ten


def test_any_size_from_any_data(digits: Dataset) -> None:
    labels = digits.train.labels
    for draw in essay.DRAWS:
        chosen = essay.draw_indices(labels, 7, draw)
        assert np.bincount(labels[chosen]).tolist() == [7] * 10
    assert len(essay.draw_indices(labels, 0)) == len(labels)
    assert len(essay.rmnist(digits, 0)) == len(labels)
    for bad in (-1, 10_000):
        with pytest.raises(UserError):
            essay.draw_indices(labels, bad)
    with pytest.raises(UserError, match="unknown draw"):
        essay.draw_indices(labels, 1, "third")


@pytest.mark.parametrize("protocol", ["svm-rbf", "svm-linear", "knn"])
def test_published_nine_exactly(mnist: Dataset, protocol: str) -> None:
    draws = [essay.rmnist(mnist, n) for n in (1, 5, 10)]
    records = Oracle(mnist).score_many(draws, protocol, [0])
    published = [p.accuracy for p in essay.published() if p.protocol == protocol and p.ipc]
    assert [round(record["accuracy"], 2) for record in records] == published
    cells = [c for c in comparison.compare(records, "table") if c.published.protocol == protocol]
    assert [cell.verdict for cell in cells] == ["exact"] * 3


def test_verdicts() -> None:
    assert comparison.verdict(70.0, Summary(1, 70.004, np.nan, np.nan)) == "exact"
    assert comparison.verdict(70.0, Summary(1, 70.01, np.nan, np.nan)) == "outside"
    assert comparison.verdict(70.0, Summary(5, 72.0, 1.0, 0.4)) == "inside our spread"
    assert comparison.verdict(70.0, Summary(5, 72.5, 1.0, 0.4)) == "outside"


def test_published_numbers_name_their_source() -> None:
    numbers = essay.published()
    assert len({(p.protocol, p.ipc) for p in numbers}) == len(numbers) == 39
    assert all(p.source and 10 < p.accuracy < 100 for p in numbers)
    assert sum(p.band == 0 and p.ipc > 0 for p in numbers) == 9
    assert {p.draw for p in numbers if p.ipc} == set(essay.DRAWS)
