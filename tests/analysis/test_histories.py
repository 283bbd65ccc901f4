"""D: histories of distillations that are torn, foreign or of another kind are passed over."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.figures.curves import distill_runs as curves
from analysis.tables.distill import runs

TRACKED = Path(__file__).resolve().parents[2] / "results" / "measures" / "histories"
ENTRY = {"step": 4, "done": 0.3, "seconds": 2.0, "loss": 1.5, "accuracy": 50.0}
SOUND: dict[str, Any] = {"config": {"method": "krr"}, "threads": 1, "history": [ENTRY]}
BAD = {
    "torn": json.dumps(SOUND)[:50],
    "empty": "",
    "list": "[]",
    "number": "3",
    "nul": "\0" * 9,
    "deep": "[" * 100_000,
    "ours, but a record": json.dumps({"accuracy": 3}),
    "no history": json.dumps({**SOUND, "history": []}),
    "history is text": json.dumps({**SOUND, "history": "x"}),
    "entry is text": json.dumps({**SOUND, "history": ["x"]}),
    "accuracy is text": json.dumps({**SOUND, "history": [{**ENTRY, "accuracy": "50"}]}),
    "accuracy is NaN": json.dumps({**SOUND, "history": [{**ENTRY, "accuracy": float("nan")}]}),
    "accuracy is 101": json.dumps({**SOUND, "history": [{**ENTRY, "accuracy": 101}]}),
    "loss is a list": json.dumps({**SOUND, "history": [{**ENTRY, "loss": [1]}]}),
    "no seconds": json.dumps({**SOUND, "history": [{"step": 1}]}),
    "method is a number": json.dumps({**SOUND, "config": {"method": 3}}),
    "config is null": json.dumps({**SOUND, "config": None}),
    "threads is true": json.dumps({**SOUND, "threads": True}),
}


@pytest.mark.parametrize("name", BAD)
def test_d_a_history_of_another_kind_is_passed_over_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "measures" / "histories").mkdir(parents=True)
    (tmp_path / "measures" / "histories" / "bad.history.json").write_text(
        BAD[name], encoding="utf-8"
    )
    assert runs(tmp_path).rows == []
    assert curves(tmp_path) is None
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("passed over: bad.history.json") for line in lines)


def test_d_a_run_that_was_interrupted_has_dashes_for_what_it_did_not_reach(tmp_path: Path) -> None:
    (tmp_path / "measures" / "histories").mkdir(parents=True)
    never = {**SOUND, "history": [{**ENTRY, "loss": None}]}
    for name, content in (("a", SOUND), ("b", never)):
        path = tmp_path / "measures" / "histories" / f"{name}.history.json"
        path.write_text(json.dumps(content), encoding="utf-8")
    rows = runs(tmp_path).rows
    assert [row[5:] for row in rows] == [["1.500", "50.0", "–", "–"], ["–", "50.0", "–", "–"]]


def test_d_the_tracked_histories_are_all_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(TRACKED, tmp_path / "measures" / "histories")
    rows = runs(tmp_path).rows
    assert len(rows) == len(list(TRACKED.glob("*.history.json")))
    assert capsys.readouterr().err == ""
