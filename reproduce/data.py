"""Datasets and their splits: MNIST, Fashion-MNIST, bundled digits, and the user's own.

The test split is sealed: it is read only through `Dataset.unseal`, which writes every reading to
a log before it hands the images out.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from reproduce import provenance
from reproduce.errors import UserError

ENVIRONMENT = "SUPERTRAINER_DATA"
VALIDATION = 10_000
MNIST_CHECKSUM = "171970500d86cdf3"
FASHION_CHECKSUM = "e5abe9aed5df3a02"
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
        if not 0 < n <= len(self):
            raise UserError(f"cannot take {n} of {len(self)} images; use 1 to {len(self)}")
        rank = np.empty(len(self))
        for label in np.unique(self.labels):
            members = np.flatnonzero(self.labels == label)
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        places = (part * n + np.arange(n)) % len(self)
        return self.take(np.sort(np.argsort(rank, kind="stable")[places]))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named images in three splits, the third of them sealed.

    Attributes
    ----------
    name : str
    train, validation : ImageSet
    classes : tuple of str
        Class names; labels index them.
    read_test : callable
        Loads the sealed split; only `unseal` calls it.
    """

    name: str
    train: ImageSet
    validation: ImageSet
    classes: tuple[str, ...]
    read_test: Callable[[], ImageSet] = field(repr=False)

    @cached_property
    def checksum(self) -> str:
        """16 hex digits over the bytes of train and validation, so over the split as well."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation):
            digest.update(np.rint(part.images * 255).astype(np.uint8).tobytes())
            digest.update(part.labels.astype(np.uint8).tobytes())
        return digest.hexdigest()[:16]

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
        return self.validation.take(places[places // 2 % 2 == (name == "validation-b")])

    def unseal(self, log: Path, purpose: str) -> ImageSet:
        """Read the test split, after appending who reads it and why to `log` (JSON lines)."""
        from reproduce.records import append_lines

        entry = {
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "dataset": self.name,
            "purpose": purpose,
            "command": provenance.command(),
            "commit": provenance.commit(),
        }
        append_lines(log, [json.dumps(entry)])
        return self.read_test()


def load(name: str = "mnist", data: Path | str | None = None, split_seed: int = 0) -> Dataset:
    """Load a dataset by name or path.

    Parameters
    ----------
    name : str
        `mnist`, `fashion`, `digits` (scikit-learn's, bundled), or the path of own data: a `.npz`
        with `images` and `labels`, a folder of class folders, or an IDX image file with its
        label file beside it.
    data : path, optional
        Folder with torchvision's layout for mnist and fashion. Else `$SUPERTRAINER_DATA`, else
        `./data`, else they are downloaded into `./data`.
    split_seed : int
        Own data and digits are shuffled with this seed and cut 5 : 1 : 1, as MNIST is.

    Raises
    ------
    UserError
        When there is nothing to load, or it is damaged; the message says what to do.
    """
    from reproduce import sources

    if name in sources.STANDARD:
        return sources.standard(name, data)
    if name == "digits":
        return shuffled_split("digits", *sources.digits(), split_seed)
    path = Path(name)
    if not path.exists():
        raise UserError(f"{name}: no such dataset; use mnist, fashion, digits or an existing path")
    return shuffled_split(path.stem, *sources.own(path), split_seed)


def shuffled_split(
    name: str, images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], seed: int
) -> Dataset:
    """Cut own data 5 : 1 : 1 into train, validation and test after a shuffle by `seed`."""
    if len(images) < 7 * len(classes):
        raise UserError(
            f"{name}: too few images ({len(images)}) for {len(classes)} classes; "
            f"at least {7 * len(classes)} are needed to cut train, validation and test"
        )
    whole = ImageSet(images, labels).take(np.random.default_rng(seed).permutation(len(images)))
    seventh = len(images) // 7
    first, second = len(images) - 2 * seventh, len(images) - seventh
    return Dataset(
        name=name,
        train=whole.take(np.arange(first)),
        validation=whole.take(np.arange(first, second)),
        classes=classes,
        read_test=lambda: whole.take(np.arange(second, len(whole))),
    )


def root_of(data: Path | str | None) -> tuple[Path, bool]:
    """The folder to look in for mnist and fashion, and whether the user named it."""
    named = data or os.environ.get(ENVIRONMENT)
    return (Path(named), True) if named else (Path("data"), False)
