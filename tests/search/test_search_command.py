"""The command: a study, its winner, what luck gives; interrupted, it keeps what it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from reproduce import Candidate
from reproduce.commands.application import application, run
from search.command import search

COMMAND = "--dataset digits --budget 12 --batch 4 --pool 0.5 --search-seeds 1 --workers 1"


def call(arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["search", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        run(application(search, help="Search."))
    return int(ended.value.code or 0)


def test_a_search_says_what_luck_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = call(f"{COMMAND} --protocol knn --seeds 2 --random-sets 4 --name k", monkeypatch)
    out, err = capfd.readouterr()
    assert code == 0, err
    assert len(Candidate.load("runs/k.npz")) == 10
    assert "search score" in out
    assert "4 random sets" in out
    assert "etter than random search" in out or "points over random search" in out
    assert "Bill: search" in err
    assert Candidate.load("runs/rivals/k.npz").role == "random search"


def test_own_function_as_oracle_and_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "calls = []\n"
        "def score(candidate, seed, images):\n"
        "    calls.append(seed)\n"
        "    if len(calls) == 9:\n"
        "        raise KeyboardInterrupt\n"
        "    return float(len(calls))\n"
    )
    arguments = f"{COMMAND} --oracle mine:score --random-sets 0 --seeds 2 --name m"
    assert call(arguments, monkeypatch) == 2
    assert "interrupted" in capfd.readouterr().err
    kept = Candidate.load("runs/m.npz")
    assert call(arguments, monkeypatch) == 0
    out = capfd.readouterr().out
    assert "search score" in out
    assert kept.name == "m"
