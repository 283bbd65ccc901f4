"""C16 and A1: two processes under torchrun are one run, and go on as one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.distill.two_processes import update

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have left there.

    On a busy machine they may fail to meet, so a launch that failed is tried once more; a fault of
    ours fails twice, and what the processes said is shown.
    """
    launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    for _ in range(2):
        made = tmp_path_factory.mktemp("two")
        script = ("-m", "tests.distill.two_processes", str(made))
        command = [sys.executable, "-m", *launcher, *script]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
        if run.returncode == 0:
            return made
        print(run.stdout, run.stderr)
    pytest.fail("two processes under torchrun failed twice")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return read


def test_two_processes_have_the_gradient_of_one_with_the_joint_batch(folder: Path) -> None:
    """In float64."""
    two = torch.load(folder / "update", weights_only=True)
    loss, gradients = update()
    assert two["loss"] == pytest.approx(loss, rel=1e-10)
    assert len(gradients) == 3
    for theirs, mine in zip(two["gradients"], gradients, strict=True):
        assert mine.abs().max() > 1e-9
        torch.testing.assert_close(theirs, mine, rtol=1e-8, atol=1e-12)


def test_what_is_not_finite_in_one_process_rolls_all_back(found: dict[str, Any]) -> None:
    first, second = found["parts"]
    assert first["rollbacks"] == second["rollbacks"] == 1
    assert first["end"] == second["end"] != first["plain"]


def test_processes_resume_at_one_step_from_one_file(found: dict[str, Any]) -> None:
    first, second = found["parts"]
    assert first["plain"] == second["plain"] == first["resumed"] == second["resumed"]
    assert "c" in found["files"]


def test_a_damaged_checkpoint_stops_all_processes_with_the_same_line(
    found: dict[str, Any],
) -> None:
    first, second = found["parts"]
    assert first["line"] == second["line"]
    assert "damaged checkpoint" in first["line"]


def test_processes_that_drifted_apart_are_not_saved(found: dict[str, Any]) -> None:
    first, second = found["parts"]
    assert first["drifted"] == second["drifted"]
    assert "drifted apart" in first["drifted"]
    assert "drifted" not in found["files"]


def test_the_command_ends_alike_in_all_processes(found: dict[str, Any]) -> None:
    first, second = found["parts"]
    assert first["command"] == second["command"]
    written = [name for name in found["files"] if name.startswith("d1")]
    assert written == ["d1.checkpoint", "d1.history.json"]
