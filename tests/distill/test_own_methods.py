"""A method that a user wrote in one file, beside the contracts of test_methods."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill import DistillConfig, Distiller, methods, validation
from distill.estimate import expectation
from distill.objectives.base import Objective
from reproduce import Dataset, UserError
from reproduce.training import checkpoint as checkpoints

HOME = "tests.distill.own_method"
SHORT = DistillConfig(
    method=f"{HOME}:Remembering", steps=8, width=4, depth=1, batch=20, inner_steps=4, pool=2,
    stride=2, reuse=1, start="mean", ipc=1, checks=1,
)  # fmt: skip
FILE = """
from distill.methods.krr import KernelRidge

class Mine(KernelRidge):
    def loss(self):
        return {factor} * super().loss()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "accuracies", lambda _, names, *__: [50.0] * len(names))


def ended(distiller: Distiller, checkpoint: Path | None = None) -> list[torch.Tensor]:
    for _ in distiller.run(checkpoint, every=1):
        pass
    return [*distiller.synthetic.parameters(), *distiller.average.parameters()]


@pytest.mark.parametrize("killed", [1, 5])
def test_its_state_goes_on_from_a_checkpoint_to_the_same_bits(
    digits: Dataset, tmp_path: Path, killed: int
) -> None:
    whole = ended(Distiller(digits, SHORT))
    first = Distiller(digits, SHORT)
    expectation(first)  # tries an update out, which changes nothing
    for state in first.run(tmp_path / "c", every=1):
        if state.progress.turn == killed:
            break
    second = Distiller(digits, SHORT)
    resumed = ended(second, tmp_path / "c")
    for mine, theirs in zip(resumed, whole, strict=True):
        assert torch.equal(mine, theirs)
    objective: Objective = second.objectives[0]
    assert objective.state()[1].abs().max() > 0


def test_a_state_of_another_kind_is_refused(digits: Dataset, tmp_path: Path) -> None:
    path, distiller = tmp_path / "c", Distiller(digits, SHORT)
    ended(distiller, path)
    state = checkpoints.load(path, distiller.identity())
    state["pools"][0][0][0][1] = torch.zeros(3)
    checkpoints.save(path, distiller.identity(), state)
    with pytest.raises(UserError, match="damaged checkpoint"):
        ended(Distiller(digits, SHORT), path)


def test_a_checkpoint_belongs_to_the_code(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    config = replace(SHORT, method="edited_method:Mine", steps=2)
    edited(factor=1)
    ended(Distiller(digits, config), tmp_path / "c")
    edited(factor=1)
    again = Distiller(digits, replace(config, steps=3))
    ended(again, tmp_path / "c")  # more of the same
    assert again.progress.step == 3
    edited(factor=20)
    with pytest.raises(UserError, match="other settings"):
        ended(Distiller(digits, config), tmp_path / "c")


def edited(factor: int) -> None:
    """Write the user's module, and forget the one that Python knows."""
    Path("edited_method.py").write_text(FILE.format(factor=factor))
    sys.modules.pop("edited_method", None)
    importlib.invalidate_caches()


def test_what_it_leaves_out_is_as_for_krr() -> None:
    method = methods.find(f"{HOME}:QUICK")
    assert (method.settings["reuse"], method.settings["batch"]) == (1, 512)
    config = methods.filled(DistillConfig(method=f"{HOME}:QUICK"))
    assert (config.protocols, config.learn, config.start) == (("ridge",), "images", "real")
