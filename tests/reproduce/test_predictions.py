"""Predictions and scores take sound images and seeds, and refuse all others in one line."""

from typing import Any

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.essay import draws
from reproduce.predictions import learning_curve, predictions

IMAGES = np.zeros((3, 1, 28, 28), np.float32)
BAD_IMAGES = {
    "bytes": (IMAGES.astype(np.uint8), "images: of type uint8, expected floats"),
    "whole numbers": (IMAGES.astype(int), "images: of type int64, expected floats"),
    "truth values": (IMAGES > 0, "images: of type bool, expected floats"),
    "text": ("digits", "expected floats"),
    "none": (None, "images: of type object, expected floats"),
    "objects": (IMAGES.astype(object), "images: of type object, expected floats"),
    "several lengths": ([[1.0], [1.0, 2.0]], "rows of several lengths make no array"),
    "one image": (IMAGES[0], "images have shape"),
    "flat images": (IMAGES.reshape(3, -1), "images have shape"),
    "colour": (IMAGES.repeat(3, 1), "images have shape"),
    "nothing": (IMAGES[:0], "images have shape"),
    "another size": (IMAGES[..., 1:], "give images of its height and width"),
    "NaN": (IMAGES * np.nan, "pixels run from nan"),
    "bytes as floats": (IMAGES + 255, "pixels run from 255 to 255"),
}
BAD_SEEDS = {
    "none at all": [],
    "negative": [-1],
    "beyond 32 bits": [2**32],
    "a float": [0.5],
    "a truth value": [True],
    "text": "12",
    "a number": 3,
    "None": None,
    "twice the same": [1, 1],
    "without end": range(2**70),
    "a table": np.zeros((2, 2), int),
}


@pytest.mark.parametrize(("images", "line"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_images_of_another_shape_or_type_are_refused(
    ten: Candidate, images: Any, line: str
) -> None:
    with pytest.raises(UserError, match=line):
        predictions(ten, "knn", [0], images)


@pytest.mark.parametrize("seeds", BAD_SEEDS.values(), ids=BAD_SEEDS.keys())
def test_seeds_that_are_none_are_refused(ten: Candidate, digits: Dataset, seeds: Any) -> None:
    with pytest.raises(UserError, match="seeds"):
        Oracle(digits, workers=1).score(ten, "tree", seeds)
    with pytest.raises(UserError, match="seeds"):
        predictions(ten, "tree", seeds, digits.validation.images)
    with pytest.raises(UserError, match="seeds"):
        learning_curve(ten, "conv", seeds, digits.validation)


@pytest.mark.parametrize("seeds", [range(2), (0, 1), [0, 1], np.arange(2)])
def test_seeds_in_any_list_are_taken(ten: Candidate, digits: Dataset, seeds: Any) -> None:
    scored = Oracle(digits, workers=1).score(ten, "tree", seeds)
    assert [record["seed"] for record in scored] == [0, 1]
    seen = predictions(ten, "tree", seeds, digits.validation.images.astype(np.float64))
    right = 100 * (seen == digits.validation.labels).mean(1)
    assert right == pytest.approx([record["accuracy"] for record in scored])


BAD_SETTINGS = {
    "no workers": {"workers": 0},
    "half a worker": {"workers": 1.5},
    "a truth value for workers": {"workers": True},
    "memory below nothing": {"memory": -1},
    "memory that is no number": {"memory": float("nan")},
    "an unknown device": {"device": "abacus"},
    "a device that is a number": {"device": 1.5},
}


@pytest.mark.parametrize("settings", BAD_SETTINGS.values(), ids=BAD_SETTINGS.keys())
def test_settings_of_an_oracle_are_checked(digits: Dataset, settings: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        Oracle(digits, **settings)


@pytest.mark.parametrize(
    "indices", [[10**9], [-1], [0.5], [True], [[1, 2]], [], "12", None, [3, 3]]
)
def test_positions_outside_of_the_training_split_are_refused(digits: Dataset, indices: Any) -> None:
    with pytest.raises(UserError, match="indices"):
        draws.real_candidate(digits, indices, name="a", method="b")


@pytest.mark.parametrize("ipc", [-1, 1.5, True, "1", None, 10**30])
def test_images_per_class_are_a_whole_number(digits: Dataset, ipc: Any) -> None:
    with pytest.raises(UserError, match="images per class"):
        draws.rmnist(digits, ipc)
    with pytest.raises(UserError, match="images"):
        digits.train.stratified(ipc)
