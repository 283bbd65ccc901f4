"""Reading images: torchvision's downloads, scikit-learn's digits, and the user's own files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from reproduce.data import (
    CHECKSUMS,
    TEST_CHECKSUMS,
    VALIDATION,
    Dataset,
    ImageSet,
    cut,
    digest,
    root_of,
)
from reproduce.errors import UserError

STANDARD = {"mnist": "MNIST", "fashion": "FashionMNIST"}
Arrays = tuple[np.ndarray, np.ndarray, tuple[str, ...]]


def standard(name: str, data: Path | str | None) -> Dataset:
    """MNIST or Fashion-MNIST: the last 10,000 of the 60,000 training images are validation."""
    root, named = root_of(data)
    whole, classes = _torchvision(name, root, train=True, download=not named)
    train, validation = (
        ImageSet(whole.images[part], whole.labels[part])
        for part in (slice(-VALIDATION), slice(-VALIDATION, None))
    )

    def read_test() -> ImageSet:
        test = _torchvision(name, root, train=False, download=False)[0]
        if _of_bytes(test) != TEST_CHECKSUMS[name]:
            raise UserError(
                f"{root / STANDARD[name]}: its test files are damaged or of other data; "
                "delete them and fetch them again"
            )
        return test

    if _of_bytes(train, validation) != CHECKSUMS[name]:
        raise UserError(f"{root / STANDARD[name]}: damaged files; delete them and fetch them again")
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        classes=classes,
        read_test=read_test,
        checksum=CHECKSUMS[name],
        test_checksum=TEST_CHECKSUMS[name],
    )


def _of_bytes(*parts: ImageSet) -> str:
    """The checksum of images that are whole 255ths."""
    arrays = []
    for part in parts:
        arrays += [np.rint(part.images * 255).astype(np.uint8), part.labels.astype(np.uint8)]
    return digest(*arrays)


def _torchvision(
    name: str, root: Path, *, train: bool, download: bool
) -> tuple[ImageSet, tuple[str, ...]]:
    import torchvision.datasets

    kind = getattr(torchvision.datasets, STANDARD[name])
    folder = root / STANDARD[name] / "raw"
    try:
        there = kind(root, train=train, download=download)
    except RuntimeError as error:
        if "not found" in str(error) and not download:
            raise UserError(
                f"no {STANDARD[name]} in {folder}; put the four IDX files there, "
                "or name neither --data nor $SUPERTRAINER_DATA to download them"
            ) from None
        raise UserError(
            f"cannot download {STANDARD[name]}; put its four IDX files into {folder}, "
            "or use --dataset digits, which needs no files"
        ) from None
    except (OSError, ValueError, AssertionError) as error:
        raise UserError(f"cannot read {STANDARD[name]} in {folder}: {error}") from None
    classes = tuple(str(label).split(" - ")[0] for label in there.classes)
    images = there.data.numpy()[:, None].astype(np.float32) / np.float32(255)
    return ImageSet(images, there.targets.numpy().astype(np.int64)), classes


def digits(split_seed: int) -> Dataset:
    """scikit-learn's 1,797 digits of 8x8, enlarged to 20x20 and framed to 28x28 like MNIST's."""
    import torch
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = torch.from_numpy(bunch.images).to(torch.float32)[:, None] / 16
    large = torch.nn.functional.interpolate(small, size=20, mode="bilinear", align_corners=False)
    images = torch.nn.functional.pad(large, (4, 4, 4, 4)).numpy()
    # Whole 255ths, so that these images round-trip through bytes as MNIST's do.
    images = np.rint(images * 255).astype(np.float32) / np.float32(255)
    classes = tuple("0123456789")
    whole = ImageSet(images, bunch.target.astype(np.int64))
    train, validation, test = cut(whole, classes, "digits", split_seed)
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


def own(path: Path, split_seed: int, invert: bool | None) -> Dataset:
    """The user's own data, cut into splits."""
    images, labels, classes = _own(path)
    if invert:
        images = 1 - images
    parts = cut(ImageSet(images, labels), classes, path.stem, split_seed)
    shape = np.array(images.shape)
    arrays = [array for part in parts for array in (part.images, part.labels)]
    names = np.frombuffer("\n".join(classes).encode(), np.uint8)
    return Dataset(
        name=path.stem,
        train=parts[0],
        validation=parts[1],
        classes=classes,
        read_test=lambda: parts[2],
        checksum=digest(shape, names, *arrays),
        test_checksum=digest(parts[2].images, parts[2].labels),
        path=_kept(path),
        split_seed=split_seed,
        invert=bool(invert),
    )


def _kept(path: Path) -> str:
    """The path as candidates and records keep it: from the working folder, where it lies there."""
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return (path.relative_to(Path.cwd()) if inside else path).as_posix()


def _own(path: Path) -> Arrays:
    """The user's own images, with labels 0..C-1 and class names."""
    if path.is_dir():
        return _folder(path)
    images, labels = _npz(path) if path.suffix == ".npz" else _idx(path)
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / np.float32(255)
    images = np.asarray(images, dtype=np.float32)
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.shape[1] != 1 or len(images) != len(labels):
        raise UserError(
            f"{path}: images {images.shape} and labels {labels.shape} do not fit; "
            "expected (n, H, W) or (n, 1, H, W), and (n,)"
        )
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise UserError(f"{path}: pixels must be bytes, or floats in 0..1")
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        raise UserError(f"{path}: labels must be whole numbers from 0")
    names, codes = np.unique(labels, return_inverse=True)
    return images, codes.astype(np.int64), tuple(str(name) for name in names)


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["images"], file["labels"]
    except KeyError as error:
        raise UserError(f"{path}: {error}; own data needs `images` and `labels`") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable .npz file ({type(error).__name__})") from None


def _idx(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor as read

    partner = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if partner == path or not partner.exists():
        raise UserError(
            f"{path}: no label file {partner.name!r} beside it; own data is a .npz, a folder of "
            "class folders, or IDX files named like train-images-idx3-ubyte"
        )
    try:
        return read(str(path), strict=True).numpy(), read(str(partner), strict=True).numpy()
    except (OSError, ValueError, AssertionError, KeyError, IndexError, RuntimeError) as error:
        raise UserError(f"{path}: damaged IDX file ({type(error).__name__})") from None


def _folder(path: Path) -> Arrays:
    from torchvision.datasets import ImageFolder

    try:
        there = ImageFolder(str(path))
        grey = [(np.asarray(image.convert("L")), label) for image, label in there]
    except FileNotFoundError as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise UserError(f"{path}: an image cannot be read ({error})") from None
    sizes = {image.shape for image, _ in grey}
    if len(sizes) > 1:
        raise UserError(f"{path}: images have several sizes {sorted(sizes)}; make them one size")
    images = np.stack([image for image, _ in grey])[:, None].astype(np.float32) / np.float32(255)
    return images, np.array([label for _, label in grey], dtype=np.int64), tuple(there.classes)
