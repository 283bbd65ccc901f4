"""Features of frozen networks and of an autoencoder, and the classifiers on them."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from sklearn.datasets import make_blobs

from reproduce import Candidate, Dataset, Fidelity, Oracle, UserError, protocols
from reproduce.scoring.classifier import Classifier
from reproduce.transfer import backbones
from reproduce.transfer.autoencoder import Autoencoder
from reproduce.transfer.backbones import Backbone
from reproduce.transfer.heads import HEADS

NET = "squeezenet1_1"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "net.pth"
    torch.save(torchvision.models.get_model(NET, weights=None).state_dict(), path)
    return path


@pytest.fixture
def images(digits: Dataset) -> np.ndarray:
    return digits.train.images[:3]


def test_features_are_the_networks_own(weights: Path, images: np.ndarray, tmp_path: Path) -> None:
    model = torchvision.models.get_model(NET, weights=None).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    pixels = torch.nn.functional.interpolate(torch.tensor(images), 224, mode="bilinear")
    x = torchvision.transforms.functional.normalize(
        pixels.repeat(1, 3, 1, 1), backbones.MEAN, backbones.STD
    )
    with torch.no_grad():
        maps = model.features(x)
    taps = [Backbone.load(NET, "", weights), Backbone.load(NET, "", weights, grid=2)]
    ours = backbones.features(taps, images, tmp_path)
    np.testing.assert_allclose(ours[0], maps.mean((2, 3)), rtol=1e-4, atol=1e-5)
    assert ours[1].shape == (3, 512 * 4)


def test_features_are_computed_once(
    weights: Path, images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = Backbone.load(NET, "features.2", weights)
    first = backbones.features([tap], images, tmp_path)[0]
    monkeypatch.setattr(backbones, "_compute", None)
    np.testing.assert_array_equal(backbones.features([tap], images, tmp_path)[0], first)
    with pytest.raises(TypeError):  # other images: not in the cache
        backbones.features([tap], images[:2], tmp_path)


def test_what_cannot_be_a_backbone_is_refused(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    partial = tmp_path / "partial.pth"
    torch.save({k: v for k, v in state.items() if not k.startswith("features.12")}, partial)
    assert Backbone.load(NET, "features.9", partial).layer == "features.9"
    garbage = tmp_path / "garbage.pth"
    garbage.write_bytes(b"not a zip file")
    unpicklable = tmp_path / "pickle.pth"
    torch.save({"x": Path}, unpicklable)
    wrong = tmp_path / "wrong.pth"
    torch.save({k: torch.zeros(1) for k in state}, wrong)
    for name, layer, path, message in (
        ("nonet", "", weights, "unknown backbone"),
        (NET, "features.99", weights, "no layer"),
        (NET, "", partial, "lack features.12"),
        (NET, "", garbage, "not a file of weights"),
        (NET, "", unpicklable, "not a file of weights"),
        (NET, "", wrong, "another network"),
        (NET, "", tmp_path / "missing.pth", "No such file"),
    ):
        with pytest.raises(UserError, match=message):
            Backbone.load(name, layer, path)


def test_transfer_is_a_protocol(
    digits: Dataset,
    ten: Candidate,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    name = protocols.on_features(Backbone.load(NET, "features.2", weights), "logistic", 1)
    assert name == f"transfer-{NET}-features.2-logistic-shift1"
    oracle, quick = Oracle(digits, workers=2), Fidelity(images=20, epochs=2)
    told: list[tuple[int | str, ...]] = []
    for protocol in (name, f"conv&{name}"):
        records = oracle.score(
            ten, protocol, [0, 1], fidelity=quick, progress=lambda *now: told.append(now)
        )
        assert all(0 <= record["accuracy"] <= 100 for record in records)
        assert len(records) == (2 if "&" in protocol else 1)
    note = "features of images"  # of those that are scored, then of the set and its shifted copies
    told_of = [now for now in told if note in now]
    assert told_of == [(20, 20, note), (32, 90, note), (64, 90, note), (90, 90, note)]  # once
    assert (told[0], told[-1]) == ((0, 1), (2, 2))
    with pytest.raises(UserError, match="unknown head"):
        protocols.on_features(Backbone.load(NET, "features.2", weights), "tail")


@pytest.mark.parametrize("head", list(HEADS))
def test_every_head_separates_blobs(head: str) -> None:
    x, y = make_blobs(120, 12, centers=4, cluster_std=1.0, random_state=0)
    make = HEADS[head]
    fitted = make(0).fit(x[:40].astype(np.float32), y[:40])
    assert (fitted.predict(x[40:].astype(np.float32)) == y[40:]).mean() > 0.95
    if Classifier(make).random:
        again = make(0).fit(x[:40].astype(np.float32), y[:40])
        np.testing.assert_array_equal(fitted.predict(x), again.predict(x))


def test_torch_head_gives_probabilities() -> None:
    x, y = make_blobs(60, 5, centers=3, random_state=1)
    answer = HEADS["torch"](0).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(answer.sum(1), 1, rtol=1e-5)


def test_autoencoder_learns_once_and_without_labels(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []
    few = digits.train.images[:200]
    learned = Autoencoder.train(few, 8, folder=tmp_path, progress=lambda *a: calls.append(a))
    assert calls[-1] == (8, 8)
    codes = learned(few)
    assert codes.shape == (200, 8)
    monkeypatch.setattr("reproduce.transfer.autoencoder._trained", None)
    again = Autoencoder.train(few, 8, folder=tmp_path)
    np.testing.assert_array_equal(again(few), codes)
    np.testing.assert_allclose(again(few[:5]), codes[:5], rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="divisible"):
        Autoencoder.train(few[:, :, 1:], 8, folder=tmp_path)
