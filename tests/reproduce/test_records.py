"""Records survive crashes and several writers."""

import json
import multiprocessing
from pathlib import Path

import pytest

from reproduce import UserError
from reproduce.records import KEY, Ledger, append_lines, key_of, read


def record(seed: int) -> dict:
    return {**dict.fromkeys(KEY, "x"), "seed": seed, "accuracy": 1.0, "padding": "y" * 5000}


def write_fifty(path: Path, first: int) -> None:
    for seed in range(first, first + 50):
        append_lines(path, [json.dumps({**record(0), "seed": seed})])


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    # Forked, so that no process imports torch anew.
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_fifty, args=(path, 100 * i)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    seeds = sorted(r["seed"] for r in read(path))
    assert seeds == sorted(100 * i + j for i in range(4) for j in range(50))


def test_torn_line_is_passed_over_and_closed_off(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append_lines(path, [json.dumps(record(1)), json.dumps(record(2))])
    path.write_bytes(path.read_bytes()[:-100])
    assert [r["seed"] for r in read(path)] == [1]
    append_lines(path, [json.dumps(record(3))])
    assert [r["seed"] for r in read(path)] == [1, 3]


def test_latest_score_of_a_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    Ledger(path).add([record(1), {**record(1), "accuracy": 2.0}])
    found = Ledger(path).find(key_of(record(1)))
    assert found is not None
    assert found["accuracy"] == 2.0


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("hello\n")
    with pytest.raises(UserError, match="no records"):
        Ledger(path)
    assert path.read_text() == "hello\n"
    assert read(tmp_path / "missing") == []
