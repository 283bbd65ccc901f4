"""The lists of protocols and methods: all of them, each with a line; transfer for any backbone."""

import json
from pathlib import Path

import pytest
import torch
import torchvision

from distill.config import METHODS as DISTILLATIONS
from reproduce import Candidate, protocols
from search.methods import METHODS as SEARCHES
from tests.conftest import Call, Refusal
from tests.imports import ROOT

NET = "squeezenet1_1"


@pytest.fixture
def folder(ten: Candidate, tmp_path: Path) -> Path:
    """A folder with a candidate, and weights of a small network that were never trained."""
    ten.save(tmp_path / "ten.npz")
    torch.manual_seed(0)
    state = torchvision.models.get_model(NET, weights=None).state_dict()
    torch.save(state, tmp_path / "net.pth")
    return tmp_path


def test_every_protocol_and_every_method_has_its_line(tmp_path: Path, call: Call) -> None:
    listed = json.loads(call("protocols --json", tmp_path)[1])["protocol"]
    assert set(protocols.names()) < set(listed)
    found = json.loads(call("methods --json", tmp_path)[1])
    assert set(found["search --method"]) == set(SEARCHES)
    assert set(found["distill --method"]) == set(DISTILLATIONS)
    for rows in (listed, *found.values()):
        assert all(len(text) > 10 for text in rows.values()), rows
    assert "conv-shift1" in call("protocols conv-shift1", tmp_path)[1]


def test_every_protocol_and_every_method_stands_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name in (*protocols.names(), *SEARCHES, *DISTILLATIONS):
        assert f"`{name}`" in reference, name


def test_backbones_and_their_layers_are_listed(tmp_path: Path, call: Call) -> None:
    backbones = json.loads(call("protocols transfer --json", tmp_path)[1])["protocol"]
    assert {f"transfer-{name}-LAYER-HEAD" for name in (NET, "resnet18")} <= set(backbones)
    layers = json.loads(call(f"protocols transfer-{NET} --json", tmp_path)[1])["protocol"]
    assert f"transfer-{NET}-features.2-HEAD" in layers


def test_transfer_scores_like_any_other_protocol(folder: Path, call: Call) -> None:
    """With any head and layer of the list, alone and in a panel, with the weights of a file."""
    name = f"transfer-{NET}-features.2-4x4-linear-svm-shift1"
    options = "--weights net.pth --images 20 --seeds 1 --workers 1 --memory 1 --device cpu --json"
    code, out, err = call(f"score ten.npz --protocol {name} {options}", folder)
    assert code == 0, err
    (record,) = json.loads(out)
    assert record["protocol"] == name
    code, out, err = call(f"score ten.npz --panel knn,{name} {options}", folder)
    assert code == 0, err
    assert {r["protocol"]: r["plan"] for r in json.loads(out)}[name] == record["plan"]


def test_names_and_weights_of_no_transfer_are_refused(folder: Path, refusal: Refusal) -> None:
    cases = {
        "score ten.npz --protocol transfer-nonet-avgpool-mlp": "unknown backbone",
        "score ten.npz --protocol transfer-resnet18": "is not transfer-BACKBONE-LAYER-HEAD",
        f"score ten.npz --protocol transfer-{NET}-features.2-tail": "unknown head 'tail'",
        f"score ten.npz --protocol transfer-{NET}-no-mlp --weights net.pth": "no layer",
        "score ten.npz --protocol knn --weights net.pth": "--weights has no effect",
        "score ten.npz --protocol autoencoder-64-mlp": "reproduce problems",
        "protocols fish": "unknown protocol 'fish'",
        "protocols transfer-nonet": "unknown backbone",
        "score ten.npz --protocol knn --device moon": "device",
    }
    for arguments, message in cases.items():
        assert message in refusal(arguments, folder), arguments
