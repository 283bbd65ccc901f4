"""Mutated records, checkpoints and journals: refused in one line, or read but for the damage."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Dataset, Oracle, records
from reproduce.essay import draws
from reproduce.records import Ledger
from reproduce.training import checkpoint
from search import finished, open_study
from search.command import run_search
from search.config import SearchConfig
from search.task import Task
from tests.mutation import altered, damaged, json_lines, refused_or


@pytest.fixture(scope="module")
def scored(digits: Dataset) -> list[dict[str, Any]]:
    """Three records."""
    oracle = Oracle(digits, workers=1)
    return oracle.score(draws.rmnist(digits, 1), "tree", range(3))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.fuzz
@given(data=st.data())
def test_of_damaged_records_only_sound_ones_are_read(
    place: Path, scored: list[dict[str, Any]], data: st.DataObject
) -> None:
    lines = [data.draw(altered(record) | st.just(record)) for record in scored]
    whole = json_lines(lines)
    path = place / "records.jsonl"
    path.write_bytes(data.draw(damaged(whole) | st.just(whole)))
    for record in refused_or(lambda: records.read(path)) or []:
        assert records.check(record) == record
        assert records.key_of(record)
        json.dumps(record, allow_nan=False).encode()


@pytest.mark.fuzz
@given(data=st.data())
def test_scores_are_kept_beside_damaged_ones(
    place: Path, scored: list[dict[str, Any]], data: st.DataObject
) -> None:
    """What is appended to a damaged file is read again, whatever lies before it."""
    path = place / "kept.jsonl"
    path.write_bytes(data.draw(damaged(json_lines(scored[:2]))))
    (place / "kept.jsonl.lock").unlink(missing_ok=True)
    ledger = refused_or(lambda: Ledger(path))
    if ledger is not None:
        ledger.add(scored[2:])
        assert Ledger(path).find(records.key_of(scored[2])) == scored[2]


@pytest.mark.fuzz
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused_or_the_same(place: Path, data: st.DataObject) -> None:
    path, state = place / "a.checkpoint", {"step": 3, "tensor": torch.arange(5.0)}
    checkpoint.save(path, "run", state)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    read = refused_or(lambda: checkpoint.load(path, "run"))
    assert read is None or (read["step"] == 3 and torch.equal(read["tensor"], state["tensor"]))


@pytest.fixture(scope="module")
def journal(place: Path, digits: Dataset) -> bytes:
    """The journal of a short search."""
    config = SearchConfig(method="random", protocol="knn", budget="4", batch=2, images=50)
    run_search(Task(Oracle(digits, workers=1), config), "s", place / "whole.journal")
    return (place / "whole.journal").read_bytes()


def trials(path: Path, content: bytes) -> list[tuple[list[int], float]]:
    path.write_bytes(content)
    done = finished(open_study("s", path))
    return [(trial.user_attrs["indices"], trial.value) for trial in done]


@pytest.mark.fuzz
@given(data=st.data())
def test_a_damaged_journal_is_refused_or_has_no_other_trials(
    place: Path, journal: bytes, data: st.DataObject
) -> None:
    whole = trials(place / "copy.journal", journal)
    content = data.draw(damaged(journal))
    read = refused_or(lambda: trials(place / "damaged.journal", content))
    assert np.all([trial in whole for trial in read or []])
