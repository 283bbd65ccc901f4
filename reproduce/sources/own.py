"""The user's own data: a `.npz`, a folder of class folders, or IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reproduce.data import Dataset, ImageSet, digest
from reproduce.errors import UserError
from reproduce.images.read import folder, idx
from reproduce.images.read.ink import inked
from reproduce.images.read.labels import coded
from reproduce.known import CHECKSUMS, NAMES
from reproduce.sources.cut import cut
from reproduce.support.archive import unpacked
from reproduce.support.files import read_input
from reproduce.support.text import checked

LARGEST = 2**31  # bytes of images, and of labels, that are read
LONGEST = 1000  # characters of a path


def own(path: Path, split_seed: int, invert: bool | None) -> Dataset:
    """The user's own data, cut into splits.

    Raises
    ------
    UserError
        When something is wrong with it; the message names the file and says what to do.
    """
    checked(str(path), "path of the data", LONGEST)
    if not (path.exists() or idx.find(path)):
        raise UserError(f"{path}: no such dataset; use {NAMES} or an existing path")
    names: tuple[str, ...] | None = None  # a folder has them, in other files labels are numbers
    if path.is_dir():
        images, labels, names = folder.read(path, invert)
    else:
        images, labels = _npz(path) if path.suffix == ".npz" else _idx(path)
    try:
        codes, numbers = coded(labels, len(images) if images.ndim else 0)
        whole, classes = ImageSet(inked(images, invert), codes), names or numbers
        train, validation, test = cut(whole, classes, split_seed)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    shape, text = np.array(whole.images.shape), np.frombuffer("\n".join(classes).encode(), np.uint8)
    parts = [array for part in (train, validation, test) for array in (part.images, part.labels)]
    return Dataset(
        name=path.stem,
        train=train,
        validation=validation,
        classes=classes,
        read_test=lambda: test,
        checksum=digest(shape, text, *parts),
        test_checksum=digest(test.images, test.labels),
        path=_kept(path),
        split_seed=split_seed,
        invert=bool(invert),
    )


def _kept(path: Path) -> str:
    """The path as candidates and records keep it: from the working folder, where it lies there."""
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    kept = (path.relative_to(Path.cwd()) if inside else path).as_posix()
    return f"./{kept}" if kept in CHECKSUMS else kept  # a folder called mnist is not MNIST


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    content = read_input(path)
    try:
        arrays = unpacked(content, {"images": LARGEST, "labels": LARGEST})
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    missing = {"images", "labels"} - set(arrays)
    if missing:
        raise UserError(f"{path}: no {' and '.join(sorted(missing))}; own data needs both")
    return arrays["images"], arrays["labels"]


def _idx(path: Path) -> tuple[np.ndarray, np.ndarray]:
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    kinds = (
        "own data is a .npz, a folder of class folders, or IDX files named like "
        "train-images-idx3-ubyte and train-labels-idx1-ubyte"
    )
    if name == path.name:
        raise UserError(f"{path}: no .npz, and no IDX file with 'images' in its name; {kinds}")
    partner = idx.find(path.with_name(name.removesuffix(".gz")))
    if partner is None:
        raise UserError(f"{path}: no label file {name!r} beside it; {kinds}")
    images, labels = idx.read_images(idx.find(path) or path), idx.read_labels(partner)
    if len(images) != len(labels):
        raise UserError(
            f"{path}: {len(images)} images, but {len(labels)} labels in {partner.name}; "
            "the two files do not belong together"
        )
    return images, labels
