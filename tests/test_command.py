"""The command line: bad input gives one line and exit code 2; kills lose nothing."""

from __future__ import annotations

import inspect
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import supertrainer
import supertrainer_demo
from reproduce import Candidate, Recipe
from reproduce.commands.application import Later
from reproduce.records import append_lines
from search import finished, open_study

DISTILL = (
    "distill --dataset digits --steps 30 --inner-steps 3 --width 8 --seeds 1 --workers 1 "
    "--threads 1"
)
SEARCH = (
    "search --dataset digits --protocol tree --budget 120 --batch 4 --pool 1 --seeds 1 "
    "--random-sets 0 --workers 1"
)


def start(arguments: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SUPERTRAINER_DATA": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "supertrainer", *arguments.split()],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell in the background ignores interrupts, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


Call = Callable[[str, Path], tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process, which has imported all there is."""

    def run(arguments: str, folder: Path) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SUPERTRAINER_DATA", "")
        monkeypatch.setattr(sys, "argv", ["supertrainer", *arguments.split()])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            supertrainer.main()
        return (int(ended.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits) -> Path:
    """A folder with good and bad files."""
    from reproduce.essay import draws

    folder = tmp_path_factory.mktemp("command")
    ten = draws.rmnist(digits, 1)
    ten.save(folder / "ten.npz")
    whole = (folder / "ten.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.npz").write_text("hello")
    np.savez(folder / "foreign.npz", images=np.zeros((2, 1, 8, 8)), labels=np.zeros(2, int))
    np.savez(folder / "pickled.npz", images=np.array([{}], dtype=object))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 8, 8), dtype=np.uint8)
    np.savez(folder / "small.npz", images=images, labels=np.arange(200) % 2)
    np.savez(folder / "float.npz", images=images * 1.0, labels=np.arange(200) % 2)
    np.savez(folder / "white.npz", images=255 - images // 4, labels=np.arange(200) % 2)
    replace(ten, indices=np.arange(10)).save(folder / "moved.npz")
    np.savez(folder / "few.npz", images=images[:5], labels=np.arange(5) % 2)
    np.savez(folder / "unlabelled.npz", images=images)
    other = Candidate(
        images=np.zeros((2, 1, 8, 8)),
        labels=np.array([0, 1]),
        name="other",
        method="t",
        dataset="small.npz",
        checksum="0" * 16,
        classes=2,
        recipe=Recipe(model="convnet", width=2),
    )
    other.save(folder / "other.npz")
    (folder / "notes.txt").write_text("not records\n")
    (folder / "full").mkdir()
    (folder / "runs").mkdir()
    (folder / "runs" / "torn.checkpoint").write_bytes(b"PK\x03\x04 torn")
    append_lines(folder / "journal", ["nonsense"])
    if os.name == "posix":
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            here = Path.cwd()
            os.chdir(folder)  # the address of a socket is short
            listening.bind("socket")
            os.chdir(here)
    return folder


BAD = {
    "no images asked": "score ten.npz --protocol knn --images 0",
    "dark ink on white paper": "reproduce baselines --dataset white.npz",
    "indices of other images": "score moved.npz --protocol knn",
    "data that is not there": "score other.npz --protocol knn",
    "unknown command": "scores ten.npz",
    "unknown option": "score ten.npz --protocl knn",
    "not a number": "score ten.npz --seeds many",
    "no seeds": "score ten.npz --seeds 0",
    "missing file": "score missing.npz",
    "damaged candidate": "score cut.npz",
    "not a candidate": "score text.npz",
    "foreign npz": "score foreign.npz",
    "pickle": "score pickled.npz",
    "unknown protocol": "score ten.npz --protocol knnn",
    "unknown split": "score ten.npz --protocol knn --split valid",
    "no recipe of its own": "score ten.npz --protocol own",
    "too many images asked": "score ten.npz --protocol knn --images 100000",
    "several datasets": "score ten.npz other.npz",
    "wrong dataset": "score other.npz --dataset digits",
    "foreign records": "score ten.npz --protocol knn --records notes.txt",
    "records in a place that is a folder": "score ten.npz --protocol knn --records full",
    "missing data": "reproduce baselines --data nowhere",
    "unknown dataset": "reproduce baselines --dataset mnits",
    "damaged own data": "reproduce baselines --dataset cut.npz",
    "own data without labels": "reproduce baselines --dataset unlabelled.npz",
    "own data out of range": "reproduce baselines --dataset float.npz",
    "too few own images": "reproduce baselines --dataset few.npz",
    "unknown experiment": "reproduce everything --dataset digits",
    "unknown draw": "reproduce baselines --dataset digits --draw third",
    "draw larger than the data": "reproduce baselines --dataset digits --n 500",
    "sizes that are no numbers": "reproduce baselines --dataset digits --n one",
    "full data for what has none": "reproduce problems --dataset digits --n 0",
    "unknown backbone": "reproduce transfer --dataset digits --n 1 --backbone resnet19",
    "missing weights": "reproduce transfer --dataset digits --n 1 --weights none.pth",
    "weights that are text": "reproduce transfer --dataset digits --n 1 --weights text.npz",
    "unknown distortion": "score ten.npz --protocol conv+bend=3",
    "images too small for the net": "reproduce conv --dataset small.npz --n 1",
    "unknown method": "search --dataset digits --method magic",
    "pool out of range": "search --dataset digits --pool 7",
    "damaged journal": "search --dataset digits --storage journal",
    "unknown start": "distill --dataset digits --start nothing",
    "damaged checkpoint": "distill --dataset digits --name torn --width 8 --inner-steps 3",
    "report of nothing": "report none",
    "report of nothing that is known": "report full",
    "report of a damaged file": "report cut.npz",
    "show a damaged file": "show cut.npz",
    "compare over several datasets": "compare ten.npz other.npz",
    "compare under nothing": "compare ten.npz ten.npz --protocol knnn",
    "analyse under a proxy": "analyse ten.npz --protocol ridge-conv",
    "a map of a damaged file": "embed cut.npz",
    "curve of one size": "random-curve --dataset digits --n 5",
}

# 19d and 19h: names that lead elsewhere; what is no regular file in place of input.
BAD |= {
    f"{command} --name {name}": f"{command} --dataset digits --name {name}"
    for command in ("search", "distill")
    for name in ("../up", "a/b", ".", "..", "/abs", "nul", "x" * 300, "\x1b[2J")
}
if os.name == "posix":
    BAD |= {
        f"{option} {place}": f"{option} {place}"
        for option in (
            "score",
            "show",
            "compare ten.npz",
            "report",
            "report ten.npz --update",
            "analyse",
            "final",
            "reproduce baselines --dataset",
            "reproduce transfer --dataset digits --n 1 --weights",
            "score ten.npz --protocol knn --records",
            "search --dataset digits --given",
            "distill --dataset digits --start",
        )
        for place in ("pipe", "/dev/zero", "socket")
        if (option.split()[-1], place) != ("--records", "/dev/zero")  # written into, not read
    }


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_gives_one_line_and_exit_code_2(folder: Path, arguments: str, call: Call) -> None:
    code, out, err = call(arguments, folder)
    lines = [line for line in err.splitlines() if line.startswith("error:")]
    assert code == 2, err
    assert len(lines) == 1, err
    assert "Traceback" not in err
    assert err.splitlines()[-1] == lines[0]
    assert out == ""


def test_score_json_is_a_list_of_records_and_nothing_else(folder: Path, call: Call) -> None:
    arguments = "score ten.npz --protocol tree --seeds 3 --json --records r.jsonl --workers 1"
    code, out, _ = call(arguments, folder)
    assert code == 0
    records = json.loads(out)
    assert [record["seed"] for record in records] == [0, 1, 2]
    written = (folder / "r.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == records
    assert call(arguments, folder)[1] == out


def test_report_of_scores(folder: Path, call: Call) -> None:
    call("score ten.npz --protocol knn --records s.jsonl --workers 1", folder)
    code, out, err = call("report ten.npz s.jsonl --out page", folder)
    assert code == 0, err
    assert str(folder / "page" / "index.html") in out
    assert "RDIGITS/1" in (folder / "page" / "index.html").read_text()
    assert list((folder / "page" / "figures").glob("set-*.png"))


@pytest.mark.parametrize("module", ["reproduce", "search", "distill", "analysis", "supertrainer"])
def test_packages_run_as_modules(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    assert not ended.value.code
    assert "Usage" in capsys.readouterr().out


COMMANDS = ["demo", "reproduce", "search", "distill", "score"]
COMMANDS += ["analyse", "embed", "random-curve", "report", "show", "compare", "final"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["supertrainer", command, "--help"])
    with pytest.raises(SystemExit) as stopped:
        supertrainer.main()
    assert not stopped.value.code
    assert "--json" in capsys.readouterr().out


def kill_when(process: subprocess.Popen[str], ready, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not ready():
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_killed_distillation_ends_in_the_same_images(tmp_path: Path, call: Call) -> None:
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    assert call(DISTILL, folders[0])[0] == 0
    process = start(DISTILL, folders[1])
    kill_when(process, (folders[1] / "runs" / "d1.checkpoint").exists)
    assert not (folders[1] / "runs" / "d1.npz").exists()
    assert call(DISTILL, folders[1])[0] == 0
    whole, resumed = (Candidate.load(folder / "runs" / "d1.npz") for folder in folders)
    assert whole.images.tobytes() == resumed.images.tobytes()
    assert whole.hash == resumed.hash


def test_killed_search_goes_on_where_it_was(tmp_path: Path, call: Call) -> None:
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    assert call(SEARCH, folders[0])[0] == 0
    journal = folders[1] / "runs" / "studies.journal"
    process = start(SEARCH, folders[1])
    kill_when(process, lambda: journal.exists() and journal.read_text().count('"values"') > 20)
    before = len(finished(open_study("s1", journal)))
    assert 0 < before < 120
    assert call(SEARCH, folders[1])[0] == 0
    whole, resumed = (
        [
            (trial.user_attrs["indices"], trial.value)
            for trial in finished(open_study("s1", folder / "runs" / "studies.journal"))
        ]
        for folder in folders
    )
    assert whole == resumed


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    process = start(DISTILL.replace("--steps 30", "--steps 3000"), tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "runs" / "d1.checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("error: interrupted")
    assert "Traceback" not in err


def test_demo_runs_on_the_bundled_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's own code, at a small size."""
    from distill import DistillConfig
    from search import SearchConfig

    monkeypatch.setattr(
        supertrainer_demo, "DEMO_SEARCH", SearchConfig(budget="4", batch=4, images=50)
    )
    small = DistillConfig(steps=2, inner_steps=2, width=4)
    monkeypatch.setattr(supertrainer_demo, "DEMO_DISTILL", small)
    monkeypatch.setenv("SUPERTRAINER_DATA", str(tmp_path / "nowhere"))
    supertrainer_demo.demo(out=tmp_path / "demo", workers=2)
    page = (tmp_path / "demo" / "report" / "index.html").read_text()
    for name in ("searched", "distilled", "random sets", "nearest mean"):
        assert name in page


@pytest.mark.parametrize(("home", "text"), supertrainer.COMMANDS.items())
def test_help_is_the_first_line_of_the_command(home: str, text: str) -> None:
    assert text == inspect.getdoc(Later(home, text).load()).splitlines()[0]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("supertrainer", {"torch", "numba", "matplotlib", "optuna", "sklearn", "scipy"}),
        ("analysis.command", {"optuna", "sqlalchemy", "sklearn", "scipy.stats", "torchvision"}),
        (
            "reproduce.commands.score",
            {"optuna", "sklearn", "scipy.stats", "torchvision", "matplotlib"},
        ),
        ("search.command", {"sklearn", "scipy.stats", "torchvision"}),
    ],
)
def test_commands_import_what_they_need(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout.strip() == "[]"
