"""Eight processes on one study in a real PostgreSQL server, some of them killed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from reproduce import Candidate, Dataset, UserError
from reproduce.data import ImageSet
from search import FunctionOracle, SearchConfig, finished, open_study, search

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = shutil.which("initdb") or (str(SERVERS[-1]) if SERVERS else None)
SETS, WORKERS, KILLED = 48, 8, 3
CONFIG = SearchConfig(method="random", budget=str(SETS), batch=4, search_seeds=2, pool=1.0)
pytestmark = pytest.mark.skipif(INITDB is None, reason="no PostgreSQL server is installed")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a server of our own, as an ordinary user: PostgreSQL refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="study-"))
    if user:
        shutil.chown(folder, user)
    binaries = Path(str(INITDB)).resolve().parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    create = [binaries / "initdb", "-D", folder / "data", "-U", "study", "-A", "trust", "--no-sync"]
    subprocess.run(create, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    serve = [binaries / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port), "-F"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(serve, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not (folder / f".s.PGSQL.{port}").exists():
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"postgresql://study@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)
        shutil.rmtree(folder)


def slow(candidate: Candidate, seed: int, images: ImageSet) -> float:
    """A score that takes its time and follows from the set alone."""
    time.sleep(0.03)
    return int(candidate.hash, 16) % 97 + seed / 10


def stuck(candidate: Candidate, seed: int, images: ImageSet) -> float:
    """The same, but whoever asks for it is at work when it is killed."""
    time.sleep(300)
    return slow(candidate, seed, images)


def work(data: Dataset, url: str, number: int) -> None:
    score = stuck if number < KILLED else slow
    for _ in search(FunctionOracle(data, score), CONFIG, "shared", url, beat=1):
        pass


def test_killed_workers_lose_and_double_nothing(digits: Dataset, url: str) -> None:
    # Forked, not spawned: eight imports of torch would take longer than the study.
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(digits, url, n)) for n in range(WORKERS)]
    for worker in workers:
        worker.start()
    study = open_study("shared", url)
    deadline = time.monotonic() + 120
    while len(finished(study)) < SETS // 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for worker in workers[:KILLED]:
        worker.kill()
    for worker in workers:
        worker.join(timeout=120)
    codes = [worker.exitcode for worker in workers]
    assert codes == [-signal.SIGKILL] * KILLED + [0] * (WORKERS - KILLED)

    trials = study.get_trials(deepcopy=False)
    done = finished(study)
    assert [trial.user_attrs["position"] for trial in done] == list(range(SETS))
    open_states = (TrialState.RUNNING, TrialState.WAITING)
    left = [t for t in trials if t.state in open_states and t.user_attrs["position"] < SETS]
    assert not left
    given_up = [t for t in trials if t.state == TrialState.FAIL and "indices" in t.user_attrs]
    assert given_up, "none was killed at work"
    by_set: dict[tuple[int, ...], set[float]] = {}
    for trial in done:
        assert len(trial.intermediate_values) == 2
        by_set.setdefault(tuple(trial.user_attrs["indices"]), set()).add(trial.value)
    assert Counter(map(len, by_set.values())).keys() == {1}
    assert len(by_set) > 0.9 * SETS


def test_a_server_that_is_not_there_is_a_user_error(url: str) -> None:
    with pytest.raises(UserError, match="no study can be opened") as caught:
        open_study("s", url.replace("study@", "nobody:secret@"))
    assert "secret" not in str(caught.value)
