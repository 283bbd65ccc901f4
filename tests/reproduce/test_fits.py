"""Issue 18, C19 g4 and D: a candidate is compared with its data, and so is what is asked of it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Fidelity, Oracle, UserError
from reproduce.commands.options import DataChoice
from reproduce.data import check_fits
from reproduce.essay import draws
from reproduce.essay.draws import real_candidate
from search import SearchConfig
from search.own.function import FunctionOracle


def of(digits: Dataset, indices: Any) -> Candidate:
    return real_candidate(digits, np.array(indices), name="x", method="test")


def test_g4_indices_are_compared_with_the_data(digits: Dataset) -> None:
    whole = of(digits, range(20))
    check_fits(whole, digits)
    other = np.arange(1, 21)
    wrong_labels = (whole.labels + 1) % 10
    changed = whole.images.copy()
    changed[3, 0, 14, 14] = (changed[3, 0, 14, 14] + 0.25) % 1
    for name, broken in {
        "other indices": replace(whole, indices=other),
        "indices beyond the split": replace(whole, indices=other + len(digits.train)),
        "other labels": replace(whole, labels=wrong_labels),
        "other pixels": replace(whole, images=changed),
    }.items():
        with pytest.raises(UserError, match="other images or labels than digits has") as caught:
            check_fits(broken, digits)
        assert "\n" not in str(caught.value), name
    soft = np.full((20, 10), 0.1)
    check_fits(replace(whole, labels=soft, label_scale="probability"), digits)
    check_fits(replace(whole, images=changed, indices=None), digits)


def test_g4_every_oracle_compares(digits: Dataset) -> None:
    broken = replace(of(digits, [0, 1]), indices=np.array([2, 3]))
    for oracle in (Oracle(digits, workers=1), FunctionOracle(digits, lambda *_: 1.0)):
        with pytest.raises(UserError, match="other images or labels"):
            oracle.score(broken, "knn", [0])
    with pytest.raises(UserError, match="other images or labels"):
        DataChoice().open_for([broken])


def test_g4_the_comparison_is_cheap(digits: Dataset) -> None:
    candidate = draws.rmnist(digits, 1)
    start = time.perf_counter()
    for _ in range(1000):
        check_fits(candidate, digits)
    assert time.perf_counter() - start < 2  # of thousands of candidates that a search scores


@pytest.mark.parametrize(
    "asked",
    [
        *({"images": 0}, {"images": -5}, {"images": 2.5}, {"images": True}, {"epochs": 0}),
        *({"part": -1}, {"epochs": 10**20}, {"images": 10**20}, {"part": 10**20}),
        *({"members": 0}, {"width": 0}),
    ],
)
def test_d_a_fidelity_that_no_record_could_hold_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="use a whole number from"):
        Fidelity(**asked)


def test_d_a_search_on_less_than_no_images_is_refused() -> None:
    with pytest.raises(UserError, match="images is -1"):
        SearchConfig(images=-1)


def test_d_more_images_than_the_split_has_are_refused(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, tmp_path / "records.jsonl", workers=1)
    with pytest.raises(UserError, match="cannot take 10000 of 256 images; use 1 to 256"):
        oracle.score(of(digits, range(20)), "knn", [0], fidelity=Fidelity(images=10_000))
    assert not (tmp_path / "records.jsonl").exists()


def test_d_an_empty_half_of_validation_is_refused(digits: Dataset) -> None:
    few = replace(digits, validation=digits.validation.take(np.arange(2)))
    assert len(few.split("validation-a")) == 2
    with pytest.raises(UserError, match="has 2 images, so that validation-b has none"):
        few.split("validation-b")


def test_d_a_small_validation_split_is_said_to_be_small(capsys: pytest.CaptureFixture[str]) -> None:
    DataChoice(dataset="digits").open()
    out, err = capsys.readouterr()
    assert out == ""
    assert "validation has 256 images" in err
    assert "± 1.9 points (binomial standard error)" in err


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("mnist", {"split_seed": 1}),
        ("fashion", {"invert": True}),
        ("digits", {"invert": True}),
        ("digits", {"data": "here"}),
        ("own.npz", {"data": "here"}),
    ],
)
def test_options_that_the_data_takes_nothing_from_are_refused(
    name: str, given: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match="leave"):
        DataChoice(dataset=name, **given).open()


def test_d_a_negative_split_seed_is_refused() -> None:
    with pytest.raises(UserError, match="split seed is -1, use"):
        DataChoice(dataset="digits", split_seed=-1).open()
