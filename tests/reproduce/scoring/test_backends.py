"""Scores on a joblib backend that the caller has set up: a Dask cluster, of which a worker dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import joblib
import pytest
from distributed import Client, LocalCluster

from reproduce import Candidate, Dataset, Oracle

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
