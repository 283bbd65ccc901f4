"""Cheap versions are compared with the full score batch by batch, whatever luck a seed has."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.speed import fidelity
from reproduce import Candidate, Dataset, Fidelity, Oracle
from reproduce.essay import draws
from reproduce.records import Record
from search.cheap import Version

SETS, QUICK, SLOW = 96, Version(0.02, 64), Version(0.5, 64)


class Judge:
    """Scores a set by its quality, with noise that falls with epochs and much luck of the seed."""

    def __init__(self, sets: Sequence[Candidate]) -> None:
        rng = np.random.default_rng(0)
        self.quality = {one.hash: rng.normal() for one in sets}
        self.asked: list[tuple[str, tuple[int, ...], int]] = []

    def score_many(
        self,
        sets: Sequence[Candidate],
        protocol: str,
        seeds: Sequence[int],
        split: str,
        fidelity: Fidelity | None = None,
    ) -> list[Record]:
        epochs = (fidelity and fidelity.epochs) or 500
        self.asked.append((split, tuple(seeds), fidelity.part if fidelity else -1))
        found = []
        for seed in seeds:
            rng = np.random.default_rng([seed, epochs])
            luck = 20 * rng.normal()
            for one in sets:
                noise = rng.normal() * (50 / epochs) ** 0.5
                accuracy = self.quality[one.hash] + luck + noise
                found.append({"candidate": one.hash, "accuracy": accuracy, "seconds": epochs / 500})
        return cast(list[Record], found)


def rows_of(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> tuple[Judge, list[dict[str, Any]]]:
    rng = np.random.default_rng(1)
    members = [np.flatnonzero(digits.train.labels == label) for label in range(10)]
    sets = [
        draws.real_candidate(digits, [rng.choice(own) for own in members], name="s", method="s")
        for _ in range(SETS)
    ]
    monkeypatch.setitem(fidelity.VERSIONS, 1, {"conv": [QUICK, SLOW]})
    judge = Judge(sets)
    return judge, fidelity.measure(cast(Oracle, judge), "conv", 1, sets, 3, 1e6)


def test_the_better_version_has_the_higher_correlation(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The luck of seeds is twenty times as large as what sets differ by."""
    _, (full, quick, slow) = rows_of(digits, monkeypatch)
    assert full["sets"] == SETS
    assert (full["replicates"], full["seconds"]) == (3, 1)
    assert quick["seconds"] == pytest.approx(0.02)
    assert 0.1 < quick["spearman"][0] < slow["spearman"][0] - 0.1
    assert slow["spearman"][0] > 0.8


def test_each_batch_has_seeds_and_images_of_its_own(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, _ = rows_of(digits, monkeypatch)
    batches = SETS // fidelity.TOGETHER
    full = [seeds for split, seeds, _ in judge.asked if split == "validation-a"]
    cheap = {(seeds, part) for split, seeds, part in judge.asked if split == "train"}
    assert [len(seeds) for seeds in full] == [3] * batches
    assert len(cheap) == batches == len({part for _, part in cheap})
    every = [*np.concatenate(full), *(seed for seeds, _ in cheap for seed in seeds)]
    assert len(set(every)) == len(every)
