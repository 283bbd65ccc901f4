"""Cheap versions of protocols: which one `auto` takes, and what the user's options change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reproduce import Dataset, Fidelity, Oracle, UserError
from search import FunctionOracle, SearchConfig, cheap
from search.cheap import Version, auto
from search.command import how_scored
from search.task import Task

SMALL, LARGE = Version(0.1, 90, members=1, width=16), Version(0.5, 90, members=3)


def row(version: Version, correlation: float, seconds: float, ipc: int = 1) -> dict:
    return {
        "protocol": "best",
        "ipc": ipc,
        "sets": 30,
        "version": vars(version),
        "spearman": [correlation, 0.1],
        "seconds": seconds,
        "tells": cheap.tells(correlation, seconds),
    }


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [
        row(SMALL, 0.7, 1.0),
        row(LARGE, 0.8, 5.0),
        {"protocol": "best", "ipc": 1, "seconds": 50.0},
    ]
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"rows": rows}))
    monkeypatch.setattr(cheap, "TABLE", path)
    return path


def test_auto_takes_what_tells_most_in_a_second(table: Path) -> None:
    assert auto("best", 1) == SMALL
    assert auto("conv", 1) is None
    rows = [row(SMALL, 0.7, 1.0), row(LARGE, 0.95, 5.0)]
    table.write_text(json.dumps({"rows": rows}))
    assert auto("best", 1) == LARGE


def test_what_a_set_takes_besides_its_score_counts(table: Path) -> None:
    """Where a score takes hardly longer than a proposal, a dearer and better one is worth it."""
    rows = [row(SMALL, 0.40, 0.020), row(LARGE, 0.50, 0.037)]
    table.write_text(json.dumps({"rows": rows}))
    assert auto("best", 1) == LARGE
    rows = [row(SMALL, 0.40, 2.0), row(LARGE, 0.50, 3.7)]
    table.write_text(json.dumps({"rows": rows}))
    assert auto("best", 1) == SMALL


def test_the_tracked_table_has_a_version_of_the_protocols_that_are_searched() -> None:
    for protocol in ("conv", "conv-shift1", "best"):
        version = auto(protocol, 1)
        assert version is not None
        assert 0 < version.share < 1


@pytest.mark.parametrize(("ipc", "version"), [(0.5, SMALL), (3, SMALL), (3.2, LARGE), (50, LARGE)])
def test_auto_goes_by_the_nearest_size_that_was_measured(
    table: Path, ipc: float, version: Version
) -> None:
    rows = [row(SMALL, 0.9, 1.0, 1), row(SMALL, 0.1, 1.0, 10), row(LARGE, 0.8, 5.0, 10)]
    table.write_text(json.dumps({"rows": rows}))
    assert auto("best", ipc) == version


@pytest.mark.usefixtures("table")
def test_a_search_is_as_cheap_as_auto_or_the_user_says(digits: Dataset) -> None:
    oracle = Oracle(digits, workers=1)
    config = SearchConfig(protocol="best", method="thompson")
    found = Task(oracle, config).cheap
    assert found == Fidelity(90, 150, members=1, width=16)
    own = replace(config, epochs=7, width=8, images=0)
    assert Task(oracle, own).cheap == Fidelity(None, 7, members=1, width=8)
    assert Task(oracle, replace(config, fidelity="full", images=100)).cheap == Fidelity(100)
    assert Task(oracle, replace(config, protocol="conv")).cheap == Fidelity(None)  # 256 images
    assert "epochs 7, members 1, width 8" in how_scored(Task(oracle, own))
    assert "0.70 ± 0.10 over 30 sets with 1 image per class" in how_scored(Task(oracle, config))
    same = replace(config, fidelity="full", images=90, epochs=150, members=1, width=16)
    assert Task(oracle, same).settings() == Task(oracle, config).settings()
    with pytest.raises(UserError, match="use one of full, auto"):
        SearchConfig(fidelity="best")


@pytest.mark.usefixtures("table")
def test_a_function_has_no_cheap_version(digits: Dataset) -> None:
    oracle = FunctionOracle(digits, lambda candidate, seed, images: 1.0, version="1")
    assert Task(oracle, SearchConfig(protocol="best", method="thompson")).version is None
