"""Sets as others publish them: made here in their layout, imported, scored, and exported again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reproduce import Candidate, Recipe
from tests.conftest import Call, Refusal

MEAN, STD = 0.1307, 0.3081
BY = f"--mean {MEAN} --std {STD}"
DIGITS = "--dataset digits"


@pytest.fixture
def images(ten: Candidate) -> torch.Tensor:
    """The ten images as networks of other projects see them."""
    return (torch.tensor(ten.images) - MEAN) / STD


@pytest.fixture
def labels(ten: Candidate) -> torch.Tensor:
    return torch.tensor(ten.labels)


def dc(path: Path, *pairs: list[Any]) -> Path:
    """A file as `main.py` of Dataset Condensation leaves it, with accuracies of numpy's types."""
    torch.save(
        {"data": list(pairs), "accs_all_exps": {"ConvNet": [np.float64(91.5), np.float32(92)]}},
        path,
    )
    return path


def test_a_set_of_dataset_condensation_is_imported_and_scored(
    ten: Candidate, images: torch.Tensor, labels: torch.Tensor, tmp_path: Path, call: Call
) -> None:
    dc(tmp_path / "res_DC_MNIST_ConvNet_1ipc.pt", [images, labels], [images + 1, labels])
    chosen = f"import res_DC_MNIST_ConvNet_1ipc.pt {DIGITS} --which 0 {BY} --name dc"
    code, out, err = call(chosen, tmp_path)
    assert code == 0, err
    assert "10 images, pixels from" in out
    found = Candidate.load(tmp_path / "runs" / "dc.npz")
    np.testing.assert_allclose(found.images, ten.images, atol=1e-6)
    np.testing.assert_array_equal(found.labels, ten.labels)
    assert (found.method, found.role, found.recipe) == ("import dc", "given", None)
    code, out, _ = call("score runs/dc.npz --protocol knn --json --workers 1", tmp_path)
    ten.save(tmp_path / "ten.npz")
    ours = json.loads(call("score ten.npz --protocol knn --json --workers 1", tmp_path)[1])
    assert json.loads(out)[0]["accuracy"] == ours[0]["accuracy"]


def test_a_set_of_matching_trajectories_is_imported(
    ten: Candidate, images: torch.Tensor, labels: torch.Tensor, tmp_path: Path, call: Call
) -> None:
    torch.save(images, tmp_path / "images_best.pt")
    torch.save(labels, tmp_path / "labels_best.pt")
    assert call(f"import images_best.pt {DIGITS} {BY} --out a.npz", tmp_path)[0] == 0
    np.testing.assert_allclose(Candidate.load(tmp_path / "a.npz").images, ten.images, atol=1e-6)
    soft = torch.eye(10)[labels] * 5 - 1
    torch.save(soft, tmp_path / "soft.pt")
    options = f"{DIGITS} {BY} --labels soft.pt --label-scale score --out b.npz"
    assert call(f"import images_best.pt {options}", tmp_path)[0] == 0
    np.testing.assert_array_equal(Candidate.load(tmp_path / "b.npz").labels, soft)


@pytest.mark.parametrize("layout", ["dc", "mtt", "png"])
def test_what_is_exported_can_be_imported(
    ten: Candidate, tmp_path: Path, call: Call, layout: str
) -> None:
    recipe = Recipe(model="convnet", mean=MEAN, std=STD)
    replace(ten, recipe=recipe, indices=None).save(tmp_path / "ten.npz")
    target = "sets.pt" if layout == "dc" else "sets"
    code, out, err = call(f"export ten.npz --to {layout} --out {target} --json", tmp_path)
    assert code == 0, err
    files = [Path(name) for name in json.loads(out)["files"]]
    assert len(files) == {"dc": 1, "mtt": 2, "png": 10}[layout]
    place = "sets" if layout == "png" else files[0]
    given = BY if layout == "mtt" else ""  # ours says it, and pictures hold pixels
    code, _, err = call(f"import {place} {DIGITS} {given}".strip(), tmp_path)
    assert code == 0, err
    found = Candidate.load(tmp_path / "runs" / "imported.npz")
    by_class = np.argsort(ten.labels, kind="stable") if layout == "png" else slice(None)
    np.testing.assert_allclose(found.images, ten.images[by_class], atol=1e-6)


def test_pictures_lose_what_they_cannot_hold_only_where_that_is_allowed(
    ten: Candidate, tmp_path: Path, call: Call, refusal: Refusal
) -> None:
    learned = replace(ten, indices=None, images=2 * ten.images)
    learned.save(tmp_path / "learned.npz")
    assert "cut to 0..1; give --lossy" in refusal("export learned.npz --to png", tmp_path)
    assert call("export learned.npz --to png --lossy", tmp_path)[0] == 0
    picture = next((tmp_path / "runs" / "learned" / "3").glob("*.png"))
    assert np.asarray(Image.open(picture)).max() == 255
    assert "carries no recipe; give --mean and --std" in refusal("export learned.npz", tmp_path)


def test_drawings_of_any_size_become_a_candidate(
    ten: Candidate, tmp_path: Path, call: Call
) -> None:
    for image, label in zip(ten.images[:, 0], ten.labels, strict=True):
        (tmp_path / "mine" / str(label)).mkdir(parents=True)
        paper = 255 - np.kron(255 * image, np.ones((5, 5))).astype(np.uint8)
        Image.fromarray(paper).save(tmp_path / "mine" / str(label) / "a.png")
    code, out, err = call(f"import mine {DIGITS}", tmp_path)
    assert code == 0, err
    assert "inverted, since ink was dark; ink scaled and centred" in out
    found = Candidate.load(tmp_path / "runs" / "imported.npz")
    for image, label in zip(found.images, found.labels, strict=True):
        original = ten.images[list(ten.labels).index(label)]
        assert np.corrcoef(image.ravel(), original.ravel())[0, 1] > 0.6


Odd = Callable[[torch.Tensor, torch.Tensor], Any]
ODD: dict[str, tuple[Odd, str]] = {
    "colour": (lambda x, y: [x.expand(-1, 3, -1, -1), y], "in colour"),
    "flat": (lambda x, y: [x.flatten(1), y], "shape"),
    "whole": (lambda x, y: [x.long(), y], "expected floats"),
    "infinite": (lambda x, y: [x / 0, y], "pixels run from"),
    "shorter": (lambda x, y: [x, y[:9]], "labels have shape"),
    "beyond": (lambda x, y: [x, y + 1], "expected 0..9"),
    "halves": (lambda x, y: [x, y + 0.5], "labels"),
    "rows": (lambda x, y: [x, torch.eye(10)[y]], "--label-scale"),
    "sparse": (lambda x, y: [x.to_sparse(), y], "no tensor"),
    "huge": (lambda x, y: [torch.zeros(1).expand(10**6, 1, 1000, 1000), y], "too large"),
    "small": (lambda x, y: [x[..., :20, :20], y], "(20, 20)"),
    "lists": (lambda x, y: [x.tolist(), y.tolist()], "no tensor"),
    "single": (lambda x, y: [x], "no list of pairs"),
}


@pytest.mark.parametrize("odd", ODD)
def test_arrays_that_are_no_set_are_refused(
    images: torch.Tensor, labels: torch.Tensor, tmp_path: Path, refusal: Refusal, odd: str
) -> None:
    make, message = ODD[odd]
    dc(tmp_path / "odd.pt", make(images, labels))
    assert message in refusal(f"import odd.pt {DIGITS} {BY}", tmp_path)


class Hostile:
    def __reduce__(self) -> Any:
        return print, ("run",)


CONTENTS: dict[str, Any] = {
    "code": {"data": Hostile()},
    "empty": {"data": []},
    "other": {"model": 1},
    "number": 5,
    "text": "abc",
    "none": None,
}


@pytest.mark.parametrize("name", [*CONTENTS, "cut", "noise", "missing"])
def test_foreign_and_damaged_files_are_refused(
    images: torch.Tensor, labels: torch.Tensor, tmp_path: Path, refusal: Refusal, name: str
) -> None:
    path = tmp_path / "images_x.pt"
    if name in CONTENTS:
        torch.save(CONTENTS[name], path)
        torch.save(labels, tmp_path / "labels_x.pt")
    elif name == "cut":
        path.write_bytes(dc(path, [images, labels]).read_bytes()[:-200])
    elif name == "noise":
        path.write_bytes(bytes(range(256)) * 10)
    assert path.name in refusal(f"import images_x.pt {DIGITS} {BY}", tmp_path)


def test_nothing_is_guessed(
    images: torch.Tensor, labels: torch.Tensor, ten: Candidate, tmp_path: Path, refusal: Refusal
) -> None:
    dc(tmp_path / "two.pt", [images, labels], [images, labels])
    torch.save(images, tmp_path / "x.pt")
    ten.save(tmp_path / "ten.npz")
    (tmp_path / "mine" / "0").mkdir(parents=True)
    (tmp_path / "mine" / "fish").mkdir()
    cases = {
        f"import two.pt {DIGITS} {BY}": "2 sets are in it; choose one, --which 0 to 1",
        f"import two.pt {DIGITS} {BY} --which 2": "--which 2 is none",
        f"import two.pt {DIGITS} --which 0": "give --mean and --std",
        f"import two.pt {DIGITS} --which 0 {BY} --labels x.pt": "leave --labels out",
        f"import two.pt {DIGITS} --which 0 {BY} --light-ink": "--dark-ink has no effect",
        f"import x.pt {DIGITS} {BY}": "name that of the labels with --labels",
        f"import mine {DIGITS} {BY}": "--mean has no effect",
        f"import mine {DIGITS}": "'fish' is no class of digits",
        "export ten.npz --to zip": "--to",
        "export ten.npz --to dc --lossy": "--lossy is for --to png",
        "export ten.npz --to png --mean 0": "a picture holds pixels",
    }
    for arguments, message in cases.items():
        assert message in refusal(arguments, tmp_path), arguments


def test_bright_pictures_of_the_datas_size_leave_their_ink_open(
    ten: Candidate, tmp_path: Path, call: Call, refusal: Refusal
) -> None:
    for image, label in zip(ten.images[:, 0], ten.labels, strict=True):
        (tmp_path / "mine" / str(label)).mkdir(parents=True)
        Image.fromarray((255 - 255 * image).astype(np.uint8)).save(
            tmp_path / "mine" / str(label) / "a.png"
        )
    assert "--dark-ink, or --light-ink" in refusal(f"import mine {DIGITS}", tmp_path)
    assert call(f"import mine {DIGITS} --dark-ink", tmp_path)[0] == 0
    assert Candidate.load(tmp_path / "runs" / "imported.npz").images[:, :, 0].max() < 0.5
