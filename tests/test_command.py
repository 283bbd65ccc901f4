"""The command line: what commands print, how they resume after a kill, what they import."""

from __future__ import annotations

import inspect
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import supertrainer
import supertrainer_demo
from reproduce import Candidate
from reproduce.commands.application import Later, later
from search import finished, open_study
from tests.conftest import Call, Refusal

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


def test_score_json_is_a_list_of_records_and_nothing_else(
    ten: Candidate, tmp_path: Path, call: Call
) -> None:
    ten.save(tmp_path / "ten.npz")
    arguments = "score ten.npz --protocol tree --seeds 3 --json --records r.jsonl --workers 1"
    code, out, _ = call(arguments, tmp_path)
    assert code == 0
    records = json.loads(out)
    assert [record["seed"] for record in records] == [0, 1, 2]
    written = (tmp_path / "r.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in written] == records
    assert call(arguments, tmp_path)[1] == out


def test_report_of_scores(ten: Candidate, tmp_path: Path, call: Call) -> None:
    ten.save(tmp_path / "ten.npz")
    call("score ten.npz --protocol knn --records s.jsonl --workers 1", tmp_path)
    code, out, err = call("report ten.npz s.jsonl --out page", tmp_path)
    assert code == 0, err
    assert str(tmp_path / "page" / "index.html") in out
    assert "RDIGITS/1" in (tmp_path / "page" / "index.html").read_text()
    assert list((tmp_path / "page" / "figures").glob("set-*.png"))


@pytest.mark.parametrize("module", ["reproduce", "search", "distill", "analysis", "supertrainer"])
def test_packages_run_as_modules(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    assert not ended.value.code
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize("command", later(supertrainer.COMMANDS, "").commands)
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
    kill_when(process, lambda: journal.exists() and journal.read_text().count('"values"') > 4)
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


@pytest.mark.usefixtures("short_trainings")
def test_demo_runs_on_the_bundled_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's own code, at a small size."""
    from distill import DistillConfig
    from search import SearchConfig
    from search.finalists import Final

    monkeypatch.setattr(
        supertrainer_demo,
        "DEMO_SEARCH",
        SearchConfig(method="swap", budget="4", batch=4, images=50),
    )
    monkeypatch.setattr(supertrainer_demo, "DEMO_FINAL", Final(seeds=2, tops=2, random_sets=2))
    small = DistillConfig(steps=2, inner_steps=2, width=4)
    monkeypatch.setattr(supertrainer_demo, "DEMO_DISTILL", small)
    monkeypatch.setenv("SUPERTRAINER_DATA", str(tmp_path / "nowhere"))
    supertrainer_demo.demo(out=tmp_path / "demo", workers=2)
    page = (tmp_path / "demo" / "report" / "index.html").read_text()
    for name in ("searched", "distilled", "random sets", "nearest mean"):
        assert name in page


def test_demo_refuses_data_that_it_cannot_draw_from(tmp_path: Path, refusal: Refusal) -> None:
    images, labels = np.zeros((24, 8, 8), np.uint8), np.arange(24) % 2
    images[:, 2:4, 2:4] = 232 + np.arange(24)[:, None, None]
    np.savez(tmp_path / "few.npz", images=images, labels=labels)
    few = refusal("demo --dataset few.npz --split-seed 1", tmp_path)
    assert "training images, and the demo draws 10 of each" in few
    # What is named is never replaced by the bundled digits.
    assert "nowhere" in refusal("demo --data nowhere", tmp_path)


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
            {"torch", "numba", "matplotlib", "optuna", "sklearn", "scipy"},
        ),
        ("search.command", {"sklearn", "scipy.stats", "torchvision"}),
    ],
)
def test_commands_import_what_they_need(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "computed"),
    [("knn", "run"), ("conv --seeds 2 --workers 2", "lambda *given: sys.exit()")],
    ids=["knn", "conv, up to where workers start"],
)
def test_a_process_that_trains_no_network_loads_no_pytorch(
    options: str, computed: str, ten: Candidate, tmp_path: Path
) -> None:
    """On a machine without a GPU."""
    ten.save(tmp_path / "ten.npz")
    code = (
        "import sys, pathlib, supertrainer\n"
        "from reproduce.scoring import worker; from reproduce.support import threads\n"
        f"run = worker.run; worker.run = {computed}\n"
        "threads.DRIVERS, threads.AMD_DRIVER = (), pathlib.Path('nowhere')\n"
        f"sys.argv[1:] = 'score ten.npz --json --protocol {options}'.split()\n"
        "try: supertrainer.main()\n"
        "finally: print(sorted({'torch', 'numba', 'torchvision'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        text=True,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert (tmp_path / "runs" / "records.jsonl").exists() == (computed == "run")
