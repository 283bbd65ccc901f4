"""The page for those who have only the file: its code, run as it stands."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distill import DistillConfig, distill
from reproduce import Candidate, Dataset, Fidelity, Oracle, protocols
from reproduce.images.deskew import deskew
from reproduce.trained import fit

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "use-a-super-trainer.md"
SETS = sorted((ROOT / "results" / "sets").glob("*.npz"))
FILE = ROOT / "results" / "sets" / "distilled-ipc1.npz"


def page(path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int | None = None) -> dict[str, Any]:
    """What the page's code defines when it is run on a file."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    monkeypatch.setattr("sys.argv", ["page", str(path), *([str(epochs)] if epochs else [])])
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def run_page(
    path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch, epochs: int | None = None
) -> np.ndarray:
    """Answers (N,) of the network that the page's code trains."""
    read = page(path, monkeypatch, epochs)["read"]
    with torch.no_grad():
        return np.asarray(read(torch.tensor(pixels)))


@pytest.mark.parametrize(("recipe", "frame"), [("ridge", "plain"), ("adam", "deskew")])
def test_the_page_trains_what_the_oracle_trains(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, frame: str
) -> None:
    config = DistillConfig(
        method="krr", steps=160, width=8, protocols=(recipe,), image_lr=0.02, inner_lr=3e-3
    )
    found = distill(digits, replace(config, inner_steps=40, batch=128, checks=1, frame=frame))
    assert found.frame == frame
    path = found.save(tmp_path / "set.npz")
    answers = run_page(path, digits.validation.images, monkeypatch)
    by_page = 100 * (answers == digits.validation.labels).mean()
    records = Oracle(digits, workers=1).score(found, "own", range(4))
    by_oracle = [record["accuracy"] for record in records]
    assert np.mean(by_oracle) > 40
    assert by_page == pytest.approx(np.mean(by_oracle), abs=4 * np.std(by_oracle) + 4)


def test_the_page_sets_upright_what_we_set_upright(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an image without ink, and one with pixels below 0."""
    config = DistillConfig(method="krr", steps=1, width=2, inner_steps=1, batch=10, checks=1)
    path = distill(digits, replace(config, frame="deskew")).save(tmp_path / "set.npz")
    names = page(path, monkeypatch)
    odd = digits.validation.images[:1] - 0.2
    pixels = np.concatenate([digits.validation.images, np.zeros_like(odd), odd])
    ours = deskew(pixels)
    np.testing.assert_allclose(names["upright"](torch.tensor(pixels)), ours, atol=1e-4)
    with torch.no_grad():
        answers = names["network"](names["seen"](torch.tensor(ours))).argmax(1)
        assert torch.equal(names["read"](torch.tensor(pixels)), answers)


@pytest.mark.parametrize(("protocol", "epochs"), [("conv-shift1", 60), ("own", 60)])
def test_real_images_and_augmented_ones_teach_as_they_do_here(
    digits: Dataset,
    ten: Candidate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    epochs: int,
) -> None:
    small = replace(protocols.convnet(ten), width=8)  # hard labels, augmented
    ten = replace(ten, indices=None, recipe=small if protocol == "own" else None)
    answers = run_page(ten.save(tmp_path / "a.npz"), digits.validation.images, monkeypatch, epochs)
    by_page = 100 * (answers == digits.validation.labels).mean()
    quick = Fidelity(epochs=epochs)
    records = Oracle(digits, workers=1).score(ten, protocol, range(3), fidelity=quick)
    accuracies = [record["accuracy"] for record in records]
    assert min(accuracies) > 35
    assert by_page == pytest.approx(np.mean(accuracies), abs=16)


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_every_shipped_set_is_read_by_the_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is it by `fit`, where it is small."""
    candidate = Candidate.load(path)
    pixels = candidate.images[:10]
    assert run_page(path, pixels, monkeypatch, epochs=1).shape == (10,)
    if len(candidate) == 10:
        protocol = "own" if candidate.recipe else "conv-shift1"
        assert fit(candidate, protocol, 0, epochs=1).predict(pixels).shape == (10,)


def test_the_tracked_set_works_by_the_page_alone(
    mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Candidate.load(FILE).recipe is not None  # without a frame: the file is older
    some = mnist.validation.stratified(500)
    answers = run_page(FILE, some.images, monkeypatch)
    assert (answers == some.labels).mean() > 0.9
