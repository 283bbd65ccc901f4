"""Rows of tables and of leaderboards."""

from dataclasses import replace

import pytest

from analysis import score_rows
from analysis.measure.variants import CHANGED, without
from analysis.origins import Origins
from analysis.results import Results
from analysis.sources import sources_of
from analysis.tables.leaderboard import leaderboards
from reproduce import Candidate, Dataset, Oracle
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


def test_sets_of_one_name_with_other_recipes_are_no_sample_of_sets() -> None:
    """Class means in the plain frame and in the upright one are two things."""
    records = [{**record("a", 0, 50), "plan": "1"}, {**record("b", 0, 60), "plan": "2"}]
    assert sorted((row.title, row.summary.mean) for row in score_rows(records)) == [
        ("x", 50),
        ("x", 60),
    ]


def test_altered_copies_of_a_set_are_no_sets_of_a_leaderboard(
    ten: Candidate, digits: Dataset
) -> None:
    """What `analyse` scores beside a set: there is no board of 0.9 images per class."""
    searched = replace(ten, role="searched", name="s")
    copies = [
        without(searched, 0),
        replace(searched, images=1 - ten.images, indices=None, method=CHANGED),
    ]
    records = Oracle(digits, workers=1).score_many([searched, *copies], "knn", [0])
    results = Results(records=records, sources=sources_of(records, [], []))
    (board,) = leaderboards(results, Origins())
    assert [row.candidate for row in board.rows] == [searched.hash]
