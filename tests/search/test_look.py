"""`supertrainer study`: progress, the best sets and the curve; as text, as JSON, as PNG."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reproduce import Candidate, Dataset, UserError
from search import FunctionOracle, SearchConfig, open_study, search
from search.look import BARS, curve
from tests.conftest import Call, Refusal

CONFIG = SearchConfig(method="random", budget="8", batch=4, search_seeds=1)


@pytest.fixture
def folder(digits: Dataset, tmp_path: Path) -> Path:
    def level(candidate: Candidate, seed: int, images: object) -> float:
        return float(int(candidate.hash, 16) % 97)

    oracle = FunctionOracle(digits, level, version="1")
    list(search(oracle, CONFIG, "seen", tmp_path / "j"))
    return tmp_path


def test_a_study_is_shown_and_exported(folder: Path, call: Call) -> None:
    code, out, err = call("study seen --storage j --best 2 --dataset digits --export pngs", folder)
    assert code == 0, err
    assert "random under conv, 8 sets scored" in out
    assert "The best sets of seen" in out
    files = sorted(path.name for path in (folder / "pngs").iterdir())
    assert files == ["seen-best-1.png", "seen-best-2.png", "seen-curve.png"]
    told = json.loads(call("study seen --storage j --best 2 --json", folder)[1])
    assert len(told["scores"]) == 8
    assert told["best"][0]["score"] == max(told["scores"])


def test_looking_creates_nothing(folder: Path, refusal: Refusal) -> None:
    before = (folder / "j").read_bytes()
    assert "no study 'other' there; there are seen" in refusal("study other --storage j", folder)
    assert "no such file" in refusal("study seen --storage k", folder)
    assert (folder / "j").read_bytes() == before
    assert not (folder / "k").exists()
    open_study("empty", folder / "j")
    assert "no scored set yet" in refusal("study empty --storage j", folder)
    with pytest.raises(UserError, match="no study"):
        open_study("none", f"sqlite:///{folder}/s.db", create=False)


def test_a_curve_reaches_from_its_first_to_its_last_value() -> None:
    lines = curve(np.array([1.0, 2.0, 5.0])).splitlines()
    assert lines[0].startswith("  5.00 ┤")
    assert lines[0].endswith(BARS[-1])
    assert lines[-2].startswith("  1.00 ┤ ")
