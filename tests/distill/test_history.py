"""The history of a run, and of one that goes on from another."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from distill import DistillConfig, history
from distill.command import run_distillation
from reproduce import Dataset, UserError

QUICK = DistillConfig(
    method="krr", steps=6, width=4, depth=2, batch=32, inner_steps=6, pool=3, reuse=2, checks=2
)


def read(path: Path) -> list[dict[str, float]]:
    content: dict[str, list[dict[str, float]]] = json.loads(path.read_text(encoding="utf-8"))
    return content["history"]


@pytest.mark.usefixtures("short_trainings")
def test_a_run_that_goes_on_has_one_history(digits: Dataset, tmp_path: Path) -> None:
    first = run_distillation(digits, QUICK, "a", tmp_path / "a.checkpoint", threads=1)
    start = first.candidate().save(tmp_path / "a.npz")
    goes_on = replace(QUICK, start=str(start))
    run_distillation(digits, goes_on, "b", tmp_path / "b.checkpoint", threads=1)
    earlier, whole = (read(tmp_path / f"{name}.history.json") for name in "ab")
    assert [entry["step"] for entry in whole] == [4, 6, 10, 12]
    assert [entry["accuracy"] for entry in whole[:2]] == [e["accuracy"] for e in earlier]
    seconds, done = ([entry[key] for entry in whole] for key in ("seconds", "done"))
    assert seconds == sorted(seconds)
    assert done == sorted(done)
    assert done[-1] == 1


def test_runs_too_short_for_the_clock_are_done_by_their_steps() -> None:
    runs = [[{"step": 4, "seconds": 0.0, "done": 1.0}], [{"step": 12, "seconds": 0.0, "done": 1.0}]]
    assert [entry["done"] for entry in history.joined(*runs)] == [0.25, 1]


def test_a_start_without_a_history_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"")
    assert history.before(str(tmp_path / "a.npz")) == []
    assert history.before("mean") == []
    assert history.before(None) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"history": [3]}', '{"history": [{}]}'])
def test_d_a_damaged_history_is_refused_before_the_run(
    digits: Dataset, tmp_path: Path, content: str
) -> None:
    (tmp_path / "a.npz").write_bytes(b"")
    (tmp_path / "a.history.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"no history of a distillation; move it elsewhere"):
        history.before(str(tmp_path / "a.npz"))
