"""Issue 18, B11: data is identified by its checksum, and a candidate's data is found again."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Oracle, UserError, load
from reproduce.commands.options import DataChoice, Machine
from reproduce.data import title
from reproduce.essay import draws
from supertrainer import COMMANDS
from tests.reproduce.sources.own_data import tree

WITHOUT_DATA = {"export", "methods", "protocols", "read", "report", "show"}
OPENING = [
    *(home for home in COMMANDS if home.rpartition(":")[2] not in WITHOUT_DATA),
    "benchmarks.compare.protocols:cross",
    "benchmarks.compare.architectures:cross",
    "benchmarks.compare.search_methods:methods",
    "benchmarks.compare.distill_methods:compare",
    "benchmarks.compare.distill_tuned:tune",
    "benchmarks.compare.universality:compare",
]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Own data that bears the name of the standard data, in the working folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    images = np.zeros((140, 6, 6), np.uint8)
    images[:, 1:5, 1:5] = rng.integers(0, 256, (140, 4, 4))
    np.savez(tmp_path / "mnist.npz", images=images, labels=np.arange(140) % 2 + 7)
    return Path("mnist.npz")


@pytest.mark.parametrize("home", OPENING)
def test_every_command_that_opens_data_has_the_same_options(home: str) -> None:
    module, function = home.split(":")
    options = inspect.signature(getattr(importlib.import_module(module), function)).parameters
    assert {field.name for field in fields(DataChoice)} <= set(options)


@pytest.mark.parametrize("home", COMMANDS)
def test_every_command_that_scores_says_where_and_in_how_much_memory(home: str) -> None:
    module, function = home.split(":")
    options = inspect.signature(getattr(importlib.import_module(module), function)).parameters
    if "workers" in options:
        assert {field.name for field in fields(Machine)} <= set(options)


def test_a_candidate_finds_its_data_again(own: Path) -> None:
    data = load(str(own), split_seed=3)
    made = draws.rmnist(data, 1)
    again = Candidate.load(made.save("made.npz"))
    assert (again.path, again.split_seed, again.invert) == ("mnist.npz", 3, False)
    assert again.class_names == ("7", "8")
    assert DataChoice().open_for([again]).checksum == data.checksum
    with pytest.raises(UserError, match=r"split seed 4.*--split-seed"):
        DataChoice(split_seed=4).open_for([again])
    own.rename("moved.npz")
    with pytest.raises(UserError, match=r"mnist\.npz, which is not there; .*--dataset"):
        DataChoice().open_for([again])
    assert DataChoice(dataset="moved.npz").open_for([again]).checksum == data.checksum


def test_a_folder_called_mnist_is_found_again(own: Path) -> None:
    tree()(Path.cwd()).rename("mnist")
    made = draws.rmnist(load("./mnist"), 1)
    assert made.path == "./mnist"
    assert DataChoice().open_for([made]).checksum == made.checksum


def test_inverted_data_is_found_again(own: Path) -> None:
    with np.load(own) as file:
        np.savez("white.npz", images=255 - file["images"], labels=file["labels"])
    data = load("white.npz", invert=True)
    made = draws.rmnist(data, 1)
    assert made.invert
    assert DataChoice().open_for([made]).checksum == data.checksum
    Path("white.npz").rename("moved.npz")
    assert DataChoice(dataset="moved.npz").open_for([made]).checksum == data.checksum


def test_other_data_than_the_candidates_is_not_taken_to_be_light_on_black(own: Path) -> None:
    made = draws.rmnist(load(str(own)), 1)
    with np.load(own) as file:
        np.savez("white.npz", images=255 - file["images"], labels=file["labels"])
    with pytest.raises(UserError, match="dark ink on white paper"):
        DataChoice(dataset="white.npz").open_for([made])


def test_own_data_of_a_standard_name_is_not_the_standard_data(own: Path) -> None:
    data = load(str(own.resolve()))
    assert (data.name, data.path) == ("mnist", "mnist.npz")  # from the working folder
    assert data.title == f"mnist ({data.checksum[:6]})"
    record = Oracle(data, workers=1).score(draws.rmnist(data, 1), "knn", [0])[0]
    assert record["checksum"] == data.checksum
    assert record["path"] == "mnist.npz"
    assert record["class_names"] == ["7", "8"]


def test_records_of_standard_data_stay_as_they_were(digits: Dataset) -> None:
    assert digits.opening() == {}
    assert digits.title == "digits"
    assert digits.checksum == "5bcbc21de1f44c4d"
    assert title("mnist", "171970500d86cdf3") == "mnist"
    assert load("digits", split_seed=2).opening() == {"split_seed": 2}


def test_identity_is_over_all_that_is_in_own_data(own: Path) -> None:
    with np.load(own) as file:
        images, labels = file["images"], file["labels"]
    seen = {load(str(own)).checksum}
    changes = {
        "another class name": (images, labels + 1),
        "another shape": (images.reshape(140, 4, 9), labels),
        "less than a 255th": (np.clip(images / 255 + 1e-4, 0, 1), labels),
    }
    changes |= {f"image {place}": (images.copy(), labels) for place in range(0, 140, 7)}
    for name, (pixels, numbers) in changes.items():
        if name.startswith("image"):
            pixels[int(name.split()[1]), 2, 2] ^= 1  # in whatever split it lies, test as well
        np.savez("changed.npz", images=pixels, labels=numbers)
        found = load("changed.npz").checksum
        assert found not in seen, name
        seen.add(found)
