"""Standard data: `known.STANDARD` in torchvision's layout, and scikit-learn's digits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from reproduce.data import Dataset, ImageSet, digest
from reproduce.errors import UserError
from reproduce.images.read import idx
from reproduce.known import STANDARD
from reproduce.sources.cut import cut

ENVIRONMENT = "SUPERTRAINER_DATA"
VALIDATION = 10_000  # the last of the training images
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def standard(name: str, data: Path | str | None) -> Dataset:
    """A dataset of `known.STANDARD`: the last 10,000 of the training images are validation.

    The test files are compared with their checksum here as well, so that no work is begun beside
    wrong ones; their images are handed out by `Dataset.unseal` alone.
    """
    root, named = root_of(data)
    folder = root / STANDARD[name].title / "raw"
    _fetch(name, root, folder, download=not named)
    images, labels = _bytes(folder, "train")
    first, second = slice(-VALIDATION), slice(-VALIDATION, None)
    _verify(name, folder, "train", [images[first], labels[first], images[second], labels[second]])

    def read_test() -> ImageSet:
        pair = _bytes(folder, "test")
        _verify(name, folder, "test", pair)
        return _image_set(*pair)

    _verify(name, folder, "test", _bytes(folder, "test"))
    return Dataset(
        name=name,
        train=_image_set(images[first], labels[first]),
        validation=_image_set(images[second], labels[second]),
        classes=STANDARD[name].classes,
        read_test=read_test,
        checksum=STANDARD[name].checksum,
        test_checksum=STANDARD[name].test_checksum,
    )


def _fetch(name: str, root: Path, folder: Path, *, download: bool) -> None:
    """See to it that the four files are there; UserError where that fails."""
    missing = [file for pair in FILES.values() for file in pair if not idx.find(folder / file)]
    if not missing:
        return
    if not download:
        raise UserError(
            f"no {missing[0]} in {folder}; put the four IDX files of {STANDARD[name].title} there, "
            "or name neither --data nor $SUPERTRAINER_DATA to download them"
        )
    import torchvision.datasets

    try:
        getattr(torchvision.datasets, STANDARD[name].title)(root, download=True)
    except (RuntimeError, OSError, ValueError, AssertionError):
        raise UserError(
            f"cannot download {STANDARD[name].title}; put its four IDX files into {folder}, "
            "or use --dataset digits, which needs no files"
        ) from None


def _bytes(folder: Path, part: str) -> list[np.ndarray]:
    """Images (n, H, W) and labels (n,) as the files hold them."""
    images, labels = (idx.find(folder / file) or folder / file for file in FILES[part])
    return [idx.read_images(images), idx.read_labels(labels)]


def _verify(name: str, folder: Path, part: str, arrays: list[np.ndarray]) -> None:
    """Raise UserError where the files are not those of the dataset."""
    known, found = STANDARD[name], digest(*arrays)
    wanted = known.checksum if part == "train" else known.test_checksum
    if found != wanted:
        raise UserError(
            f"{folder}: {' and '.join(FILES[part])} are damaged or not {known.title}'s "
            f"(checksum {found} instead of {wanted}); delete them and fetch them again"
        )


def _image_set(images: np.ndarray, labels: np.ndarray) -> ImageSet:
    """Images (n, H, W) of bytes, and labels, as a set."""
    return ImageSet(images[:, None], labels.astype(np.int64))


def digits(split_seed: int) -> Dataset:
    """scikit-learn's 1,797 digits of 8x8, enlarged to 20x20 and framed to 28x28 like MNIST's."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    framed = np.pad(_enlarged(bunch.images.astype(np.int64)), ((0, 0), (4, 4), (4, 4)))
    whole, classes = _image_set(framed, bunch.target), tuple("0123456789")
    train, validation, test = cut(whole, classes, split_seed)
    return Dataset(
        name="digits",
        train=train,
        validation=validation,
        classes=classes,
        read_test=lambda: test,
        checksum=_of_bytes(train, validation),
        test_checksum=_of_bytes(test),
        split_seed=split_seed,
    )


def _enlarged(small: np.ndarray) -> np.ndarray:
    """Images (n, 8, 8) of 0..16 as bytes (n, 20, 20), by bilinear interpolation.

    In whole numbers up to the last step: many values lie half between two bytes, and the rounding
    errors of float32 would decide between them, one way on one processor, another on the next.
    """
    tenths = np.maximum(4 * np.arange(20) - 3, 0)  # where the new pixels lie among the old ones
    low, part = np.divmod(tenths, 10)
    weights = np.zeros((20, 8), np.int64)
    weights[np.arange(20), low] = 10 - part
    weights[np.arange(20), np.minimum(low + 1, 7)] += part
    found: np.ndarray = np.rint(weights @ small @ weights.T * 255 / 1600).astype(np.uint8)
    return found


def _of_bytes(*parts: ImageSet) -> str:
    """The checksum of images and labels as bytes."""
    return digest(*(a for part in parts for a in (part.pixels, part.labels.astype(np.uint8))))


def root_of(data: Path | str | None) -> tuple[Path, bool]:
    """The folder to look in for mnist and fashion, and whether the user named it."""
    named = data or os.environ.get(ENVIRONMENT)
    return (Path(named), True) if named else (Path("data"), False)
