"""Storages: who is at work, who is dead, and who was first."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from reproduce import Candidate, Dataset, UserError
from reproduce.data import ImageSet
from search import FunctionOracle, SearchConfig, finished, open_study, search
from search.storage.journal import MendingLock
from search.storage.storage import Watch, claimed

CONFIG = SearchConfig(method="random", budget="12", batch=4, search_seeds=1)


def number(candidate: Candidate, seed: int, images: ImageSet) -> float:
    return int(candidate.hash, 16) % 97


def test_a_trial_whose_beat_stands_still_is_given_up(tmp_path: Path) -> None:
    study = open_study("s", tmp_path / "journal")
    dead, alive = study.ask(), study.ask()
    watch, process = Watch(study, 0.05), Watch(study, 0.02)
    with process.beating([alive]):
        watch.sweep()
        assert len(study.get_trials(states=(TrialState.RUNNING,))) == 2
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(0.05)
            watch.sweep()
            if study.trials[dead.number].state == TrialState.FAIL:
                break
        assert study.trials[dead.number].state == TrialState.FAIL
    assert study.trials[alive.number].user_attrs["beat"] >= 1


def test_a_position_that_was_queued_twice_is_scored_once(digits: Dataset, tmp_path: Path) -> None:
    study = open_study("s", tmp_path / "journal")
    for position in (0, 1, 1, 0, 2):
        study.enqueue_trial({}, user_attrs={"position": position})
    study.ask()  # and a process died with position 0
    list(search(FunctionOracle(digits, number), CONFIG, "s", tmp_path / "journal"))
    assert [t.user_attrs["position"] for t in finished(study)] == list(range(12))


def test_one_study_after_the_other_in_a_database(digits: Dataset, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    for name in ("one", "two"):
        list(search(FunctionOracle(digits, number), CONFIG, name, url))
        assert len(finished(open_study(name, url))) == 12


def test_grpc_proxy(digits: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("grpc")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    behind = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/studies.db")
    serve = threading.Thread(
        target=optuna.storages.run_grpc_proxy_server,
        args=(behind,),
        kwargs={"host": "127.0.0.1", "port": port},
        daemon=True,
    )
    serve.start()
    url = f"grpc://127.0.0.1:{port}"
    list(search(FunctionOracle(digits, number), CONFIG, "s", url))
    assert len(finished(open_study("s", url))) == 12


def test_a_lock_that_a_killed_process_left_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Path("runs/studies.journal")
    journal.parent.mkdir()
    open_study("first", journal)
    MendingLock(journal).acquire()  # and never released
    clock = SimpleNamespace(monotonic=itertools.count(step=20).__next__, sleep=time.sleep)
    monkeypatch.setattr("optuna.storages.journal._file.time", clock)
    assert open_study("second", journal).study_name == "second"


@pytest.mark.parametrize(
    "url",
    [
        *("nonsense://host/db", "sqlite:////no/such/folder/studies.db"),
        *("sqlite://", "sqlite:///:memory:"),
    ],
)
def test_storages_that_cannot_be_opened_are_refused(url: str) -> None:
    with pytest.raises(UserError):
        open_study("s", url)


@pytest.mark.parametrize("where", ["/", ".", os.devnull])
def test_d_what_cannot_be_a_journal_is_refused_before_it_is_locked(where: str) -> None:
    with pytest.raises(UserError, match="--storage"), claimed("s", where):
        pass
