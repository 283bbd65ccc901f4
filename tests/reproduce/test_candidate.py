"""A candidate is checked when made, and comes back from its file as it went in."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reproduce import Candidate, Recipe, UserError


def make(**changes: Any) -> Candidate:
    fields: dict[str, Any] = {
        "images": np.zeros((3, 1, 4, 5)),
        "labels": np.array([0, 1, 2]),
        "name": "t",
        "method": "test",
        "dataset": "none",
        "checksum": "0" * 16,
    }
    return Candidate(**{**fields, **changes})


ROW = np.array([[0.5, 0.5], [0.1, 0.9], [1, 0]])
BAD = {
    "three dimensions": {"images": np.zeros((3, 4, 5))},
    "no images": {"images": np.zeros((0, 1, 4, 5)), "labels": np.zeros(0, int)},
    "two channels": {"images": np.zeros((3, 2, 4, 5))},
    "nan": {"images": np.full((3, 1, 4, 5), np.nan)},
    "labels too many": {"labels": np.array([0, 1, 2, 3])},
    "labels out of range": {"labels": np.array([0, 1, 10])},
    "labels negative": {"labels": np.array([0, 1, -1])},
    "labels not whole": {"labels": np.array([0.0, 1.0, 2.5])},
    "one class": {"classes": 1, "labels": np.zeros(3, int)},
    "unknown label scale": {"label_scale": "odds"},
    "probabilities of wrong width": {"label_scale": "probability", "labels": ROW},
    "probabilities beyond 1": {"label_scale": "probability", "labels": 2 * ROW, "classes": 2},
    "scores not finite": {"label_scale": "score", "labels": ROW + np.inf, "classes": 2},
    "indices doubled": {"indices": np.array([1, 1, 2])},
    "indices negative": {"indices": np.array([-1, 1, 2])},
    "indices too few": {"indices": np.array([1, 2])},
    "real images beyond 1": {"images": np.full((3, 1, 4, 5), 1.5), "indices": np.arange(3)},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
def test_bad_candidates_are_refused_in_one_line(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(
    images=hnp.arrays(np.float32, (4, 1, 3, 3), elements=st.floats(-3, 3, width=32)),
    labels=hnp.arrays(np.float32, (4, 3), elements=st.floats(-9, 9, width=32)),
    seeds=st.lists(st.integers(0, 2**40), max_size=3),
)
def test_round_trip_is_exact(
    tmp_path_factory: pytest.TempPathFactory, images: np.ndarray, labels: np.ndarray, seeds: list
) -> None:
    rates = (0.1, 1 / 3)
    made = make(
        images=images,
        labels=labels,
        label_scale="score",
        classes=3,
        seeds=tuple(seeds),
        recipe=Recipe(schedule="list", learning_rates=rates, epochs=2),
    )
    path = made.save(tmp_path_factory.mktemp("c") / "c.npz")
    read = Candidate.load(path)
    assert read == made
    assert read.images.tobytes() == made.images.tobytes()
    assert read.recipe is not None
    assert read.recipe.learning_rates == rates


def test_file_opens_with_numpy_alone(tmp_path: Path) -> None:
    made = make(indices=np.array([5, 6, 7]))
    with np.load(made.save(tmp_path / "c.npz"), allow_pickle=False) as file:
        assert file["images"].dtype == np.float32
        assert file["labels"].dtype == np.int64
        assert file["indices"].tolist() == [5, 6, 7]
        meta = json.loads(str(file["meta"]))
    expected = {"name", "method", "dataset", "checksum", "label_scale", "normalisation", "recipe"}
    assert expected | {"seeds", "command", "versions", "hash"} <= set(meta)


def test_hash_follows_content_not_name() -> None:
    assert make().hash == make(name="other").hash
    assert make().hash != make(labels=np.array([0, 1, 3])).hash
    assert make().hash != make(recipe=Recipe()).hash
    assert make() != make(name="other")


def test_every_damaged_byte_region_is_noticed(tmp_path: Path) -> None:
    path = make(images=np.random.default_rng(0).random((3, 1, 4, 5))).save(tmp_path / "c.npz")
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError):
            Candidate.load(path)


def test_altered_content_is_noticed(tmp_path: Path) -> None:
    path = make().save(tmp_path / "c.npz")
    with np.load(path) as file:
        arrays = dict(file)
    arrays["labels"] = np.array([0, 1, 5])
    np.savez(path, **arrays)
    with pytest.raises(UserError, match="hash"):
        Candidate.load(path)


def test_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make().save(tmp_path / "c.npz")
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        make(name="new").save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_candidates_cannot_be_changed_in_place() -> None:
    made = make()
    with pytest.raises(ValueError, match="read-only"):
        made.images[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "x"  # type: ignore[misc]


def test_targets_follow_the_label_scale() -> None:
    soft = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]], np.float32)
    assert (make(labels=soft, label_scale="probability", classes=2).targets() == soft).all()
    scores = make(labels=4 * soft, label_scale="score", classes=2)
    assert scores.targets().tolist() == [[1, 0], [0, 1], [1, 0]]
    assert make().targets().argmax(1).tolist() == [0, 1, 2]


def test_a_file_says_what_role_its_set_has(ten: Candidate, tmp_path: Path) -> None:
    assert ten.role == "essay draw"
    found = dataclasses.replace(ten, role="searched", chosen_on="validation-a")
    again = Candidate.load(found.save(tmp_path / "found.npz"))
    assert (again.role, again.chosen_on) == ("searched", "validation-a")
    assert (again.hash, again.made_for) == (ten.hash, ())
    for changes in ({"role": "best"}, {"chosen_on": 3}):
        with pytest.raises(UserError, match=r"role|chosen_on"):
            dataclasses.replace(ten, **changes)


def test_a_file_says_what_its_set_was_made_for(ten: Candidate, tmp_path: Path) -> None:
    made = dataclasses.replace(ten, made_for=["conv-shift1+rotate=10", "a&b"])
    again = Candidate.load(made.save(tmp_path / "made.npz"))
    assert again.made_for == ("conv-shift1+rotate=10", "a&b")
    assert (again.hash, again.digest) == (ten.hash, made.digest)
    assert made.digest != ten.digest
    assert "made_for" not in ten.meta()
    for wrong in ("conv", ("",), 3):
        with pytest.raises(UserError, match="made_for"):
            dataclasses.replace(ten, made_for=wrong)
