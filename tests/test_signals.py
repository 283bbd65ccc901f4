"""An interrupt at any time gives one line, and workers end with the process that they serve."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reproduce import Dataset
from reproduce.essay import draws

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ROOT = Path(__file__).resolve().parent.parent
LONG = "score ten.npz --protocol convnet --seeds 24 --workers 3 --records r.jsonl"
# A command whose workers do nothing but wait, so that no test waits for PyTorch.
WAITING = """
import time, joblib
from pathlib import Path
from reproduce.commands.application import application, run
from reproduce.support.processes import end_with_parent, interrupts_held

def wait(number):
    Path(f"busy-{number}").touch()
    time.sleep(60)

def command():
    with joblib.parallel_config(backend="loky", initializer=end_with_parent):
        parallel = joblib.Parallel(n_jobs=2, return_as="generator", pre_dispatch="all")
        with interrupts_held():
            waiting = parallel(joblib.delayed(wait)(number) for number in range(2))
        list(waiting)

if __name__ == "__main__":
    run(application(command, help="Wait."))
"""


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """The command as the leader of a group of its own, as a shell starts it."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SUPERTRAINER_DATA": ""},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def alive(group: int) -> bool:
    """Whether a process of the group is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


def wait_for(ready, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(ready())


def loaded(process: subprocess.Popen[str], module: str) -> bool:
    """Whether a process has mapped a library of the module."""
    with contextlib.suppress(OSError):
        return module in Path(f"/proc/{process.pid}/maps").read_text()
    return False


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="sees imports in /proc")
@pytest.mark.parametrize(
    ("command", "library", "number"),
    [
        ("supertrainer score x.npz", "multiarray", signal.SIGINT),
        ("supertrainer distill --name x", "libtorch", signal.SIGTERM),
        ("search", "_ssl", signal.SIGINT),
        ("distill", "multiarray", signal.SIGTERM),
    ],
)
def test_an_interrupt_during_imports_gives_one_line(
    tmp_path: Path, command: str, library: str, number: signal.Signals
) -> None:
    process = start(tmp_path, "-m", *command.split())
    wait_for(lambda: loaded(process, library) or process.poll() is not None, 20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    _, err = process.communicate(timeout=20)
    word, code = ("interrupted", 2) if number == signal.SIGINT else ("terminated", 143)
    assert err.startswith(f"error: {word}"), err
    assert err.count("\n") == 1, err
    assert process.returncode == code


@pytest.fixture
def waiting(tmp_path: Path):
    """A command whose two workers are at work, in a group of its own."""
    (tmp_path / "waiting.py").write_text(WAITING, encoding="utf-8")
    process = start(tmp_path, "waiting.py")
    assert wait_for(lambda: len(list(tmp_path.glob("busy-*"))) == 2, 30)
    yield process
    end(process)


def end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [(signal.SIGTERM, False), (signal.SIGINT, True), (signal.SIGINT, False)],
)
def test_workers_end_with_a_parent_that_is_told_to_end(
    waiting: subprocess.Popen[str], number: signal.Signals, whole_group: bool
) -> None:
    (os.killpg if whole_group else os.kill)(waiting.pid, number)
    _, err = waiting.communicate(timeout=30)
    word, code = ("interrupted", 2) if number == signal.SIGINT else ("terminated", 143)
    assert waiting.returncode == code, err
    assert err.splitlines() == [f"error: {word}; the same command goes on from what is saved"]
    assert wait_for(lambda: not alive(waiting.pid), 5)


def test_workers_end_with_a_parent_that_was_killed(waiting: subprocess.Popen[str]) -> None:
    waiting.kill()
    waiting.wait()
    assert wait_for(lambda: not alive(waiting.pid), 10)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="sees workers in /proc")
def test_the_oracles_workers_end_with_a_parent_that_was_killed(
    tmp_path: Path, digits: Dataset
) -> None:
    """Killed when its workers have just started: minutes of training are before them."""
    draws.rmnist(digits, 1).save(tmp_path / "ten.npz")
    process = start(tmp_path, "-m", "supertrainer", *LONG.split())
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        assert wait_for(lambda: len(children.read_text().split()) > 4, 60)  # two are trackers
        process.kill()
        process.wait()
        assert wait_for(lambda: not alive(process.pid), 40)
    finally:
        end(process)
