"""Scores on a joblib backend that the caller has set up: a Dask cluster, of which a worker dies."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import joblib
import pytest
import torch
from distributed import Client, LocalCluster
from threadpoolctl import threadpool_info, threadpool_limits

from reproduce import Candidate, Dataset, Fidelity, Oracle
from reproduce.scoring import worker
from reproduce.scoring.classifier import Classifier

SEEDS = range(4)


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")
def test_a_cluster_scores_the_same_though_a_worker_is_killed(
    digits: Dataset, ten: Candidate, tmp_path: Path
) -> None:
    here = Oracle(digits, workers=1).score(ten, "forest", SEEDS)
    killed = []

    def kill(done: int, total: int) -> None:
        if 0 < done < total and not killed:
            killed.append(processes.pop())
            os.kill(killed[0], signal.SIGKILL)

    local = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path)
    )
    with local as cluster, Client(cluster) as client:
        processes = sorted(client.run(os.getpid).values())
        assert os.getpid() not in processes
        with joblib.parallel_config(backend="dask"):
            assert Oracle(digits).workers == 2
            oracle = Oracle(digits, tmp_path / "records.jsonl", workers=len(SEEDS))
            there = oracle.score(ten, "forest", SEEDS, progress=kill)
    assert killed
    assert [one["accuracy"] for one in there] == [one["accuracy"] for one in here]
    assert not (tmp_path / "unfinished").exists()


def test_threads_are_a_backend_too(digits: Dataset, ten: Candidate) -> None:
    here = Oracle(digits, workers=1).score(ten, "forest", SEEDS)
    with joblib.parallel_config(backend="threading"):
        there = Oracle(digits, workers=2).score(ten, "forest", SEEDS)
    assert [one["accuracy"] for one in there] == [one["accuracy"] for one in here]


def test_compiled_trainings_share_a_process_and_leave_torch_as_it_was(
    digits: Dataset, ten: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of four stacks by a thread of one process, which holds torch to one thread meanwhile."""
    quick, seen = Fidelity(epochs=2, images=20), []
    both_are_there, answers = threading.Barrier(2, timeout=60), worker.answers

    def watched(*work: Any) -> Any:
        both_are_there.wait()
        found = answers(*work)
        seen.append((threading.get_ident(), torch.get_num_threads()))
        return found

    here = Oracle(digits, workers=1, device="cpu").score(ten, "conv", range(4), fidelity=quick)
    before = torch.get_num_threads()
    monkeypatch.setattr(worker, "answers", watched)
    torch.set_num_threads(3)
    try:
        oracle = Oracle(digits, workers=2, device="cpu", memory=1e-9)
        there = oracle.score(ten, "conv", range(4), fidelity=quick)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert [one["accuracy"] for one in there] == [one["accuracy"] for one in here]
    assert len(seen) == 4
    assert len({ident for ident, _ in seen}) == 2
    assert {count for _, count in seen} == {1}


def test_linear_algebra_has_one_thread_however_many_cores_there_are(
    digits: Dataset, ten: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several threads take sums in another order, so that scores would depend on the machine."""
    score, seen = Classifier.score, []

    def watched(*work: Any) -> Any:
        seen.extend(pool["num_threads"] for pool in threadpool_info())
        return score(*work)

    monkeypatch.setattr(Classifier, "score", watched)
    with threadpool_limits(2):
        Oracle(digits, workers=1).score(ten, "knn", [0])
        assert any(pool["num_threads"] == 2 for pool in threadpool_info())
    assert seen
    assert set(seen) == {1}


@pytest.mark.parametrize(
    ("protocol", "threads"),
    [
        ("conv", math.inf),
        ("conv-shift1", math.inf),
        ("conv+rotate=10", 2),
        ("best", 2),
        ("conv&convnet", 2),
        ("conv+policy=augmix", 1),
        ("conv&knn", 1),
    ],
)
def test_how_many_threads_compute_as_fast_as_processes(
    digits: Dataset, ten: Candidate, protocol: str, threads: float
) -> None:
    oracle = Oracle(digits, workers=2, device="cpu")
    assert oracle.replicates([ten], protocol, [0], "validation")[0].learner.threads == threads
