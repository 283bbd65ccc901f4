"""Datasets and their splits: MNIST, Fashion-MNIST, bundled digits, and the user's own.

The test split is sealed: it is read only through `Dataset.unseal`, which writes every reading to
a log before it hands the images out.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.records import append_lines
from reproduce.support import provenance
from reproduce.support.arrays import MOST_CLASSES
from reproduce.support.schema import Several, Whole, Words
from reproduce.support.text import checked

MNIST_CHECKSUM = "171970500d86cdf3"
CHECKSUMS = {
    "mnist": MNIST_CHECKSUM,
    "fashion": "e5abe9aed5df3a02",
    "digits": "5bcbc21de1f44c4d",  # cut by split seed 0
}
TEST_CHECKSUMS = {"mnist": "c3f9adf9c66efb57", "fashion": "9f1ec356a747bfe4"}
SPLITS = ("train", "validation", "validation-a", "validation-b", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and their labels.

    Attributes
    ----------
    images : ndarray of shape (n, 1, H, W), float32 in 0..1
    labels : ndarray of shape (n,), int64
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> ImageSet:
        """The images at `indices`, in that order."""
        return ImageSet(self.images[indices], self.labels[indices])

    def stratified(self, n: int, part: int = 0) -> ImageSet:
        """The first images of each class in file order, n in all, in the classes' proportions.

        A fixed subset: the same `n` and `part` give the same images everywhere. Part 1 has the
        images that follow those of part 0, and so on; after the last image comes the first.
        """
        n, part = Whole(1, 2**63).check(n, "images"), Whole(0, 2**63).check(part, "part")
        if n > len(self):
            raise UserError(f"cannot take {n} of {len(self)} images; use 1 to {len(self)}")
        rank = np.empty(len(self))
        for label in np.unique(self.labels):
            members = np.flatnonzero(self.labels == label)
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        places = (part * n % len(self) + np.arange(n)) % len(self)
        return self.take(np.sort(np.argsort(rank, kind="stable")[places]))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named images in three splits, the third of them sealed.

    Attributes
    ----------
    name : str
        `mnist`, `fashion`, `digits`, or the file name of own data without its suffix. A name for
        people: two datasets are the same where their checksums are.
    train, validation : ImageSet
    classes : tuple of str
        Class names; labels index them.
    read_test : callable
        Loads the sealed split; only `unseal` calls it.
    checksum : str
        16 hex digits that identify the data and how it is cut. Own data's is over all of its
        images, the test split's as well; that of the others over train and validation alone.
    test_checksum : str
        16 hex digits over the test split, which `unseal` verifies.
    path : str
        Where own data was found, as the user gave it; empty for the others.
    split_seed : int
        Cuts own data and digits into splits, 0 to 2 ** 32 - 1.
    invert : bool
        Whether own data was dark ink on white paper.

    Raises
    ------
    UserError
        When the name or a class name has unprintable characters or more than 200.
    """

    name: str
    train: ImageSet
    validation: ImageSet
    classes: tuple[str, ...]
    read_test: Callable[[], ImageSet] = field(repr=False)
    checksum: str
    test_checksum: str
    path: str = ""
    split_seed: int = 0
    invert: bool = False

    def __post_init__(self) -> None:
        checked(self.name, "dataset: name")
        names = Several(Words(), MOST_CLASSES).check(self.classes, "class names")
        object.__setattr__(self, "classes", names)

    @property
    def title(self) -> str:
        """The name, with the checksum beside it where another dataset could have that name."""
        return title(self.name, self.checksum)

    def opening(self) -> dict[str, Any]:
        """What candidates and records keep to open the data again: fields of `Candidate`.

        Empty for mnist, fashion and digits, whose names say it all.
        """
        if self.path:
            return {
                "path": self.path,
                "split_seed": self.split_seed,
                "invert": self.invert,
                "class_names": list(self.classes),
            }
        return {"split_seed": self.split_seed} if self.split_seed else {}

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.train.images.shape[2:]
        return height, width

    def split(self, name: str) -> ImageSet:
        """An open split: train, validation, or one half of validation.

        Halves take two images each in turn: MNIST's writers of even and of odd places come from
        two populations, of which one is harder to read, and both halves need both.
        """
        if name == "test":
            raise UserError("the test split is sealed: score with --split test to read it")
        if name not in SPLITS:
            raise UserError(f"unknown split {name!r}, use one of {', '.join(SPLITS)}")
        if name == "train":
            return self.train
        if name == "validation":
            return self.validation
        places = np.arange(len(self.validation))
        half = self.validation.take(places[places // 2 % 2 == (name == "validation-b")])
        if not len(half):
            raise UserError(
                f"validation of {self.name} has {len(places)} images, so that {name} has none; "
                "give it more images"
            )
        return half

    def unseal(self, log: Path, purpose: str) -> ImageSet:
        """Read the test split, hand it out after appending who reads it and why to `log`.

        Raises
        ------
        UserError
            When the test images are not those that belong to the data.
        """
        test = self.read_test()
        entry = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "dataset": self.name,
            "checksum": self.checksum,
            "test_checksum": self.test_checksum,
            "purpose": purpose,
            "command": provenance.command(),
            "commit": provenance.commit(),
        }
        append_lines(log, [json.dumps(entry)])
        return test


def digest(*arrays: np.ndarray) -> str:
    """16 hex digits over the bytes of arrays, one after the other."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:16]


class Opened(Protocol):
    """What says how its data was opened: a dataset, or a candidate."""

    @property
    def path(self) -> str: ...
    @property
    def split_seed(self) -> int: ...
    @property
    def invert(self) -> bool: ...
    @property
    def checksum(self) -> str: ...


def described(name: str, what: Opened) -> str:
    """Which data, in words: its path or else its name, how it was opened, and its checksum."""
    inverted = " inverted," if what.invert else ""
    return f"{what.path or name} (split seed {what.split_seed},{inverted} checksum {what.checksum})"


def title(name: str, checksum: str) -> str:
    """What to call a dataset where several may meet: own data's name has its checksum beside it."""
    return name if CHECKSUMS.get(name) == checksum else f"{name} ({checksum[:6]})"


def check_fits(candidate: Candidate, data: Dataset) -> None:
    """Raise UserError where the candidate's images or classes are not the dataset's.

    Real images, and the labels that they came with, are those of the training split at the
    candidate's indices.
    """
    if candidate.images.shape[2:] != data.image_shape:
        raise UserError(
            f"{candidate.name!r} has images of {candidate.images.shape[2:]}, "
            f"{data.name} of {data.image_shape}; score it on its own dataset"
        )
    if candidate.classes != len(data.classes):
        raise UserError(
            f"{candidate.name!r} has {candidate.classes} classes, {data.name} "
            f"{len(data.classes)}; score it on its own dataset"
        )
    if candidate.checksum != data.checksum:
        theirs = described(candidate.dataset, candidate)
        ours = described(data.name, data)
        raise UserError(
            f"{candidate.name!r} was made from {theirs}, not {ours}; "
            "give its own with --dataset, --split-seed and --invert"
        )
    if candidate.indices is not None and not _holds(data.train, candidate):
        raise UserError(
            f"{candidate.name!r} holds other images or labels than {data.name} has in its "
            f"training split at its indices; make it again, or save it without indices"
        )


def _holds(train: ImageSet, candidate: Candidate) -> bool:
    """Whether the candidate's images and class labels are those at its indices."""
    indices, labels = candidate.indices, candidate.labels
    if indices is None or indices.max() >= len(train):
        return False
    same = candidate.label_scale != "class" or np.array_equal(train.labels[indices], labels)
    return same and np.array_equal(train.images[indices], candidate.images)
