"""Rows of tables."""

import pytest

from analysis import score_rows
from reproduce.summary import GROUP


def record(candidate: str, seed: int, accuracy: float) -> dict:
    return {
        **dict.fromkeys(GROUP, "x"),
        "candidate": candidate,
        "seed": seed,
        "accuracy": accuracy,
        "ipc": 1,
    }


def test_networks_of_one_set_are_the_sample() -> None:
    (row,) = score_rows([record("a", seed, 50 + seed) for seed in range(3)])
    assert (row.title, row.summary.n, row.summary.mean) == ("x", 3, 51)


def test_of_several_sets_the_sets_are_the_sample() -> None:
    """A hundred networks of two sets are two draws, however closely each set's agree."""
    records = [
        record(name, seed, level) for name, level in (("a", 50), ("b", 60)) for seed in (0, 1)
    ]
    (row,) = score_rows(records)
    assert (row.title, row.summary.n, row.summary.mean) == ("x (2 sets)", 2, 55)
    assert row.summary.se == pytest.approx(5)
