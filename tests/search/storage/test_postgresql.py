"""Eight processes on one study in a real PostgreSQL server, some of them killed."""

from __future__ import annotations

import logging
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
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from reproduce import Candidate, Dataset, UserError
from reproduce.data import ImageSet
from search import FunctionOracle, SearchConfig, finished, open_study, search

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = shutil.which("initdb") or (str(SERVERS[-1]) if SERVERS else None)
SETS, WORKERS, KILLED = 24, 8, 3
CONFIG = SearchConfig(method="random", budget=str(SETS), batch=4, search_seeds=2, pool=1.0)
pytestmark = pytest.mark.skipif(INITDB is None, reason="no PostgreSQL server is installed")


class Server:
    """A server of our own, as an ordinary user: PostgreSQL refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.user = folder, "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self.binaries = Path(str(INITDB)).resolve().parent
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        create = [self.binaries / "initdb", "-D", folder / "data", "-U", "study", "-A", "trust"]
        quiet = subprocess.DEVNULL
        subprocess.run([*create, "--no-sync"], user=self.user, cwd=folder, check=True, stdout=quiet)

    @property
    def url(self) -> str:
        return f"postgresql://study@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        folder, log = self.folder, (self.folder / "log").open("a")
        serve = [self.binaries / "postgres", "-D", folder / "data", "-k", folder, "-F"]
        serve += ["-p", str(self.port)]
        self.process = subprocess.Popen(serve, user=self.user, cwd=folder, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 60
        while not (folder / f".s.PGSQL.{self.port}").exists():
            assert self.process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # at once, as an administrator's restart
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="study-"))
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return server.url


stuck = False  # whoever asks is at work when it is killed
at_work = multiprocessing.Event()  # one of those has begun


def score(candidate: Candidate, seed: int, images: ImageSet) -> float:
    """A score that takes its time and follows from the set alone."""
    if stuck:
        at_work.set()
    time.sleep(300 if stuck else 0.03)
    return int(candidate.hash, 16) % 97 + seed / 10


def work(data: Dataset, url: str, number: int, name: str, sets: int = SETS) -> None:
    global stuck
    stuck = number < KILLED
    logging.basicConfig(force=True)  # on standard error, not into pytest's own records
    oracle = FunctionOracle(data, score, version="1")  # for `stuck` counts as part of it
    for _ in search(oracle, replace(CONFIG, budget=str(sets)), name, url, beat=0.5):
        pass


def started(
    digits: Dataset, url: str, name: str, count: int = WORKERS
) -> list[multiprocessing.process.BaseProcess]:
    at_work.clear()
    # Forked, not spawned: eight imports of torch would take longer than the study.
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=work, args=(digits, url, n, name), daemon=True) for n in range(count)
    ]
    for worker in workers:
        worker.start()
    return workers


def wait_for(study: optuna.Study, sets: int) -> None:
    deadline = time.monotonic() + 40
    while len(finished(study)) < sets:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def heard(capfd: pytest.CaptureFixture[str], words: str) -> str:
    """What was said on standard error up to the moment when it holds the words."""
    said, deadline = "", time.monotonic() + 40
    while words not in said:
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
        said += capfd.readouterr().err
    return said


def assert_whole(study: optuna.Study, sets: int = SETS) -> None:
    """Every position was scored once, and nothing is left open."""
    done = finished(study)
    assert [trial.user_attrs["position"] for trial in done] == list(range(sets))
    states = (TrialState.RUNNING, TrialState.WAITING)
    assert not study.get_trials(deepcopy=False, states=states)
    by_set: dict[tuple[int, ...], set[float]] = {}
    for trial in done:
        assert len(trial.intermediate_values) == 2
        by_set.setdefault(tuple(trial.user_attrs["indices"]), set()).add(trial.value)
    assert Counter(map(len, by_set.values())).keys() == {1}
    assert len(by_set) > 0.9 * sets


def test_killed_workers_lose_and_double_nothing(digits: Dataset, url: str) -> None:
    workers = started(digits, url, "shared")
    study = open_study("shared", url)
    wait_for(study, SETS // 5)
    assert at_work.wait(40)
    for worker in workers[:KILLED]:
        worker.kill()
    for worker in workers:
        worker.join(timeout=40)
    codes = [worker.exitcode for worker in workers]
    assert codes == [-signal.SIGKILL] * KILLED + [0] * (WORKERS - KILLED)
    given_up = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    assert any("indices" in trial.user_attrs for trial in given_up), "none was killed at work"
    assert_whole(study)


def test_c19a_a_server_that_restarts_in_the_middle_ends_nothing(
    digits: Dataset, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    workers = started(digits, server.url, "restarted", 5)
    study = open_study("restarted", server.url)
    wait_for(study, SETS // 6)
    server.stop()
    for worker in workers[:KILLED]:  # beside it
        worker.kill()
    said = heard(capfd, "does not answer; waiting for it")  # only then did one miss the server
    server.start()
    workers[KILLED].kill()
    for worker in workers:
        worker.join(timeout=40)
    codes = [worker.exitcode for worker in workers]
    assert codes == [-signal.SIGKILL] * (KILLED + 1) + [0] * (len(workers) - KILLED - 1)
    assert_whole(study)
    assert "Traceback" not in said + capfd.readouterr().err


def test_c19a_a_resumed_command_sweeps_what_all_of_them_left(digits: Dataset, url: str) -> None:
    study = open_study("left", url)
    for position in (0, 1, 1, 2):
        study.enqueue_trial({}, user_attrs={"position": position})
    for _ in range(2):
        study.ask()  # running for ever
    behind = optuna.storages.RDBStorage(url)  # and one that was never given a position
    behind.create_new_trial(behind.get_study_id_from_name("left"))
    work(digits, url, KILLED, "left", 8)
    assert_whole(study, 8)
    study.enqueue_trial({}, user_attrs={"position": 3})  # of a process that came too late
    work(digits, url, KILLED, "left", 8)
    assert_whole(study, 8)


def test_c14_a_search_in_a_database_shows_no_password(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from reproduce.commands.application import application, run
    from search.command import search as command

    monkeypatch.chdir(tmp_path)
    arguments = "--dataset digits --budget 4 --batch 4 --search-seeds 1 --workers 1 --protocol knn "
    arguments += "--random-sets 2 --seeds 1 --name secret --artifacts art --storage"
    storage = url.replace("study@", "study:s3cr%40t@")
    monkeypatch.setattr("sys.argv", ["search", *arguments.split(), storage])
    with pytest.raises(SystemExit) as ended:
        run(application(command, help="Search."))
    said = capfd.readouterr()
    assert not ended.value.code, said.err
    study = open_study("secret", url)
    known = [str(study.user_attrs), *(str(t) for t in study.trials), said.out, said.err]
    written = [p for p in tmp_path.rglob("*") if p.is_file() and not p.name.endswith(".lock")]
    assert {p.suffix for p in written} >= {".npz", ".jsonl"}
    for content in [text.encode() for text in known] + [p.read_bytes() for p in written]:
        assert b"s3cr" not in content


def test_a_server_that_is_not_there_is_a_user_error(url: str) -> None:
    with pytest.raises(UserError, match="no study can be opened") as caught:
        open_study("s", url.replace("study@", "nobody:secret@"))
    assert "secret" not in str(caught.value)
