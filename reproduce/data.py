"""Datasets, their splits, and the seal on the test split.

The test split is sealed: only `Dataset.unseal` reads it, and it logs every reading before it hands
the images out. `reproduce.sources` loads datasets.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.known import CHECKSUMS
from reproduce.records import append_lines
from reproduce.support import provenance
from reproduce.support.arrays import MOST_CLASSES
from reproduce.support.schema import Several, Whole, Words
from reproduce.support.text import checked

SPLITS = ("train", "validation", "validation-a", "validation-b", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and their labels.

    Attributes
    ----------
    pixels : ndarray of shape (n, 1, H, W), float32 in 0..1 or uint8 in 0..255
        The images as they are kept. Bytes take a quarter of the memory.
    labels : ndarray of shape (n,), int64
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    @cached_property
    def images(self) -> np.ndarray:
        """The images (n, 1, H, W), float32 in 0..1, made of bytes when they are first asked for."""
        if self.pixels.dtype != np.uint8:
            return self.pixels
        made: np.ndarray = np.divide(self.pixels, np.float32(255), dtype=np.float32)
        return made

    def take(self, indices: np.ndarray) -> ImageSet:
        """The images at `indices`, in that order."""
        return ImageSet(self.pixels[indices], self.labels[indices])

    def stratified(self, n: int, part: int = 0) -> ImageSet:
        """A fixed subset of n images, in which classes have the proportions of the whole.

        Part 0 has the first images of each class in file order, part 1 those that follow, and so
        on; after the last image comes the first. The same `n` and `part` always give the same
        images.
        """
        n, part = Whole(1, 2**63).check(n, "images"), Whole(0, 2**63).check(part, "part")
        if n > len(self):
            raise UserError(f"cannot take {n} of {len(self)} images; use 1 to {len(self)}")
        rank = np.empty(len(self))
        for label in np.unique(self.labels):
            members = np.flatnonzero(self.labels == label)
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        chosen = (part * n % len(self) + np.arange(n)) % len(self)
        return self.take(np.sort(np.argsort(rank, kind="stable")[chosen]))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images in three splits, of which the test split is sealed.

    Attributes
    ----------
    name : str
        `mnist`, `fashion`, `digits`, or the file name of own data without its suffix. The name is
        for people: two datasets are the same where their checksums are the same.
    train, validation : ImageSet
    classes : tuple of str
        Class names; labels index them.
    read_test : callable
        Loads and verifies the sealed split. Only `unseal` calls it.
    checksum : str
        16 hex digits that identify the data and how it is cut. For own data they are over all
        images, the test split included; for the others over train and validation alone.
    test_checksum : str
        16 hex digits over the test split.
    path : str
        Path of own data, as the user gave it; empty for the others.
    split_seed : int
        Seed that cut own data or digits into splits, 0 to 2 ** 32 - 1.
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
        """The name, and the checksum where another dataset could have the same name."""
        return title(self.name, self.checksum)

    def opening(self) -> dict[str, Any]:
        """The fields by which candidates and records say how to open the data again.

        For mnist, fashion and digits (of split seed 0) there are none: their names are enough.
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
        height, width = self.train.pixels.shape[2:]
        return height, width

    def split(self, name: str) -> ImageSet:
        """An open split: `train`, `validation`, `validation-a` or `validation-b`.

        The two halves of validation take two images each in turn. MNIST's images at even and at odd
        positions come from two groups of writers, of which one is harder to read; so each half
        has both groups.

        Raises
        ------
        UserError
            For the test split, for an unknown name, and for a half without images.
        """
        if name == "test":
            raise UserError("the test split is sealed: score with --split test to read it")
        if name not in SPLITS:
            raise UserError(f"unknown split {name!r}, use one of {', '.join(SPLITS)}")
        if name == "train":
            return self.train
        if name == "validation":
            return self.validation
        positions = np.arange(len(self.validation))
        half = self.validation.take(positions[positions // 2 % 2 == (name == "validation-b")])
        if not len(half):
            raise UserError(
                f"validation of {self.name} has {len(positions)} images, so that {name} has none; "
                "give it more images"
            )
        return half

    def unseal(self, log: Path, purpose: str) -> ImageSet:
        """The test split, after the reading was logged. This is the only way to it.

        Parameters
        ----------
        log : Path
            File to which a line is appended: when, which data, why, and by which command.
        purpose : str
            What the images are read for.

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


def described(name: str, opened: Candidate | Dataset) -> str:
    """Which data it is, in words: path or name, how it was opened, and the checksum."""
    how = f"split seed {opened.split_seed}," + (" inverted," if opened.invert else "")
    return f"{opened.path or name} ({how} checksum {opened.checksum})"


def title(name: str, checksum: str) -> str:
    """A dataset's name, and the start of its checksum where it is the user's own data."""
    return name if CHECKSUMS.get(name) == checksum else f"{name} ({checksum[:6]})"


def check_fits(candidate: Candidate, data: Dataset) -> None:
    """Raise UserError where a candidate was not made from the dataset.

    Image size, classes and checksum must be the same. A candidate with indices must have the images
    of the training split at these indices, and their labels where it has class labels.
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
        theirs, ours = described(candidate.dataset, candidate), described(data.name, data)
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
    """Whether the candidate's images and class labels are those of the split at its indices."""
    indices, labels = candidate.indices, candidate.labels
    if indices is None or indices.max() >= len(train):
        return False
    same = candidate.label_scale != "class" or np.array_equal(train.labels[indices], labels)
    return same and np.array_equal(train.take(indices).images, candidate.images)
