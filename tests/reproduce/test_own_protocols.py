"""Protocols of the user's own, `module:function`: on the command line and in Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reproduce import Candidate, Dataset, Fidelity, Oracle, protocols
from tests.conftest import Refusal

MODULE = """
from torch import nn

from reproduce import Recipe, UserError
from reproduce.scoring.classifier import Classifier


class Net(nn.Sequential):
    def __init__(self, image_shape, classes):
        super().__init__(nn.Flatten(), nn.Linear(image_shape[0] * image_shape[1], classes))


def mine(candidate):
    return Recipe(model=f"{__name__}:Net", epochs=30, batch=len(candidate), lr=0.1)


def quick(candidate):
    return Recipe(model="convnet", width=4, depth=2, epochs=2)


def nearest(candidate):
    from sklearn.neighbors import KNeighborsClassifier

    return Classifier(lambda seed: KNeighborsClassifier(1))


def wrong(candidate):
    return 3


def fails(candidate):
    return candidate.nothing


def refuses(candidate):
    raise UserError("mine takes hard labels alone")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ten: Candidate) -> str:
    """The module in the working folder, beside a set."""
    name = f"own_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    ten.save(tmp_path / "ten.npz")
    monkeypatch.chdir(tmp_path)
    return name


def test_own_protocols_score_on_the_command_line(module: str, tmp_path: Path) -> None:
    """In a process of its own, whose workers have to find the module, too."""
    names = f"{module}:mine,{module}:nearest,knn"
    asked = ["score", "ten.npz", "--panel", names, "--seeds", "2", "--json", "--workers", "2"]

    def scored() -> bytes:
        command = [sys.executable, "-P", "-m", "supertrainer", *asked]  # as installed
        return subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.PIPE).stdout

    out = scored()
    records = json.loads(out)
    expected = [*[f"{module}:mine"] * 2, f"{module}:nearest", "knn"]
    assert [record["protocol"] for record in records] == expected
    assert records[2]["accuracy"] == records[3]["accuracy"]
    assert records[0]["accuracy"] > 30
    before = (tmp_path / "runs" / "records.jsonl").read_text()
    assert scored() == out
    assert (tmp_path / "runs" / "records.jsonl").read_text() == before


def test_own_protocols_take_distortions_and_mix(
    module: str, digits: Dataset, ten: Candidate
) -> None:
    oracle, cheap = Oracle(digits, workers=1), Fidelity(images=50, epochs=2)
    for name in (f"{module}:quick+shift=1", f"{module}:quick&forest"):
        assert len(oracle.score(ten, name, [0], fidelity=cheap)) == 1


def test_an_edited_network_has_new_records(
    module: str, ten: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = protocols.learner(f"{module}:mine", ten)
    before = learner.fingerprint()
    assert before == learner.fingerprint()
    found = __import__(module).Net
    edited = type("Net", (found,), {"forward": lambda self, x: super().forward(x) * 2})
    monkeypatch.setattr(__import__(module), "Net", edited)
    assert learner.fingerprint() != before


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_module:f", "ModuleNotFoundError"),
        ("MODULE:absent", "AttributeError"),
        ("MODULE:wrong", "returned a int; return a Recipe"),
        ("MODULE:fails", "failed: AttributeError"),
        ("MODULE:refuses", "mine takes hard labels alone"),
        ("MODULE:__name__", "failed: TypeError"),
        (":f", "give module:name"),
    ],
)
def test_what_an_own_protocol_does_wrong_is_one_line(
    module: str, refusal: Refusal, tmp_path: Path, name: str, told: str
) -> None:
    name = name.replace("MODULE", module)
    assert told in refusal(f"score ten.npz --protocol {name}", tmp_path)
