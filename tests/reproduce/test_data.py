"""Datasets load from every source, their splits hold, and the test split stays sealed."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reproduce import Dataset, UserError, load
from reproduce.known import CHECKSUMS, NAMES
from reproduce.sources.standard import root_of


def small(n: int = 70) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (n, 6, 7), dtype=np.uint8), np.arange(n) % 2


def test_mnist_splits(mnist: Dataset) -> None:
    assert len(mnist.train) == 50_000
    assert len(mnist.validation) == 10_000
    assert mnist.train.images.shape == (50_000, 1, 28, 28)
    assert mnist.train.images.max() == 1.0
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_images_are_kept_as_bytes_until_they_are_asked_for(mnist: Dataset) -> None:
    some = mnist.train.take(np.arange(0, 50_000, 7))
    assert some.pixels.dtype == np.uint8
    np.testing.assert_array_equal(some.images, (some.pixels / np.float32(255)).astype(np.float32))
    assert some.images is some.images
    assert mnist.split("validation-a").pixels.dtype == np.uint8
    assert mnist.validation.stratified(100).pixels.dtype == np.uint8


def test_fashion_loads(mnist: Dataset) -> None:
    fashion = load("fashion")
    assert fashion.classes[0] == "T-shirt/top"
    assert fashion.checksum != mnist.checksum


def test_digits_are_the_same_on_every_processor(digits: Dataset) -> None:
    """Whole numbers, rounded once: as far from the exact value as half a byte, halves to even."""
    from sklearn.datasets import load_digits

    assert digits.checksum == CHECKSUMS["digits"]
    small = load_digits().images[0]
    places = np.clip((np.arange(20) + 0.5) * 0.4 - 0.5, 0, 7)
    rows = np.stack([np.interp(places, np.arange(8), column) for column in small.T], axis=1)
    exact = np.stack([np.interp(places, np.arange(8), row) for row in rows]) * 255 / 16
    parts = [digits.train, digits.validation, digits.read_test()]
    found = np.concatenate([part.images for part in parts])[:, 0, 4:24, 4:24] * 255
    assert np.abs(found - exact).max((1, 2)).min() < 0.5 + 1e-5


def test_test_split_is_sealed(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sealed"):
        digits.split("test")
    log = tmp_path / "readings.jsonl"
    images = digits.unseal(log, "a check")
    entry = json.loads(log.read_text())
    assert entry["purpose"] == "a check"
    assert entry["dataset"] == "digits"
    assert (entry["checksum"], entry["test_checksum"]) == (digits.checksum, digits.test_checksum)
    assert len(images) == len(digits.validation)


def test_splits_are_disjoint_and_halves_make_the_whole(digits: Dataset, tmp_path: Path) -> None:
    test = digits.unseal(tmp_path / "log", "disjointness")
    parts = [digits.train, digits.validation, test]
    assert sum(map(len, parts)) == 1797
    halves = [digits.split(f"validation-{half}") for half in "ab"]
    joined = np.concatenate([half.images for half in halves])
    assert sorted(i.tobytes() for i in joined) == sorted(
        i.tobytes() for i in digits.validation.images
    )


def test_halves_of_validation_are_equally_hard(mnist: Dataset) -> None:
    """Images of even places come from writers who are harder to read: each half has as many."""
    means = np.stack([mnist.train.images[mnist.train.labels == c].mean(0) for c in range(10)])

    def accuracy(images: np.ndarray, labels: np.ndarray) -> float:
        distance = np.square(images[:, None] - means[None]).sum((2, 3, 4))
        return 100 * float((distance.argmin(1) == labels).mean())

    a, b = (mnist.split(f"validation-{half}") for half in "ab")
    whole = mnist.validation
    even, odd = (accuracy(whole.images[p::2], whole.labels[p::2]) for p in (0, 1))
    assert odd - even > 3
    assert abs(accuracy(a.images, a.labels) - accuracy(b.images, b.labels)) < 1


def test_stratified_subset_is_fixed_and_balanced(digits: Dataset) -> None:
    subset = digits.train.stratified(100)
    assert len(subset) == 100
    assert np.bincount(subset.labels).min() >= 9
    assert (digits.train.stratified(100).images == subset.images).all()
    split = digits.validation
    third = len(split) // 3
    parts = [split.stratified(third, part) for part in range(3)]
    assert np.bincount(parts[2].labels).min() >= third // 10 - 2
    several = np.concatenate([part.images for part in parts])
    assert len(np.unique(several, axis=0)) == 3 * third
    whole = split.stratified(len(split), 5)  # after the last image comes the first
    assert (whole.images == split.images).all()
    with pytest.raises(UserError):
        digits.train.stratified(len(digits.train) + 1)


def test_own_npz(tmp_path: Path) -> None:
    images, labels = small()
    np.savez(tmp_path / "own.npz", images=images, labels=labels + 3)
    data = load(str(tmp_path / "own.npz"))
    assert data.classes == ("3", "4")
    assert data.image_shape == (6, 7)
    assert (len(data.train), len(data.validation)) == (50, 10)
    again = load(str(tmp_path / "own.npz"), split_seed=1)
    assert again.checksum != data.checksum


def test_own_folder_of_class_folders(tmp_path: Path) -> None:
    images, labels = small()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "own" / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i}.png")
    data = load(str(tmp_path / "own"))
    assert data.classes == ("class0", "class1")
    assert data.image_shape == (6, 7)
    pixels = np.rint(data.train.images[:, 0] * 255).astype(np.uint8)
    assert {p.tobytes() for p in pixels} <= {i.tobytes() for i in images}


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    path = folder / "some-images-idx3-ubyte"
    head = np.array([0x803, *images.shape], ">i4").tobytes()
    path.write_bytes(head + images.tobytes())
    head = np.array([0x801, len(labels)], ">i4").tobytes()
    labels = labels.astype(np.uint8)
    (folder / "some-labels-idx1-ubyte").write_bytes(head + labels.tobytes())
    return path


def test_own_idx(tmp_path: Path) -> None:
    images, labels = small()
    data = load(str(write_idx(tmp_path, images, labels)))
    assert data.image_shape == (6, 7)
    assert set(data.train.labels) == {0, 1}


def linked(folder: Path, source: Path, kinds: tuple[str, ...] = ("train", "t10k")) -> Path:
    """A folder of standard data with links to another one's files."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.name.startswith(kinds):
            try:
                (raw / file.name).symlink_to(file)
            except OSError:  # Windows wants a privilege for it
                shutil.copyfile(file, raw / file.name)
    return raw


def test_damaged_mnist_is_refused(mnist: Dataset, tmp_path: Path) -> None:
    raw = linked(tmp_path, raw_folder("MNIST"))
    whole = bytearray((raw / "train-images-idx3-ubyte").read_bytes())
    whole[10_000_000] ^= 1
    (raw / "train-images-idx3-ubyte").unlink()
    (raw / "train-images-idx3-ubyte").write_bytes(whole)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte .* damaged or not MNIST's"):
        load("mnist", tmp_path)


def raw_folder(name: str) -> Path:
    return root_of(None)[0].resolve() / name / "raw"


def test_d_test_files_of_other_data_are_refused(mnist: Dataset, tmp_path: Path) -> None:
    """MNIST's train beside Fashion-MNIST's test: refused before anything is scored."""
    linked(tmp_path, raw_folder("MNIST"), ("train",))
    raw = linked(tmp_path, raw_folder("FashionMNIST"), ("t10k",))
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte and .* damaged or not MNIST's"):
        load("mnist", tmp_path)
    for file in raw.glob("t10k*"):
        file.unlink()
    linked(tmp_path, raw_folder("MNIST"), ("t10k",))
    data = load("mnist", tmp_path)
    labels = raw / "t10k-labels-idx1-ubyte"
    whole = bytearray(labels.read_bytes())
    whole[-1] ^= 1  # altered after the data was opened
    labels.unlink()
    labels.write_bytes(whole)
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte and .* damaged or not MNIST's"):
        data.unseal(tmp_path / "log", "a check")


def test_d_standard_data_may_be_packed(mnist: Dataset, tmp_path: Path) -> None:
    raw = linked(tmp_path, raw_folder("MNIST"))
    for file in raw.glob("*labels*"):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert load("mnist", tmp_path).checksum == mnist.checksum


def test_empty_environment_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERTRAINER_DATA", "")
    assert root_of(None) == (Path("data"), False)
    monkeypatch.setenv("SUPERTRAINER_DATA", "there")
    assert root_of(None) == (Path("there"), True)
    assert root_of("here") == (Path("here"), True)


def test_missing_mnist_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="four IDX files"):
        load("mnist", tmp_path)

    def offline(*args: object, **kwargs: object) -> None:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.delenv("SUPERTRAINER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torchvision.datasets.MNIST.download", offline)
    with pytest.raises(UserError, match="--dataset digits"):
        load("mnist")


def test_d_a_dataset_without_a_name_is_refused() -> None:
    with pytest.raises(UserError, match=f"name is empty; use {NAMES} or a path"):
        load("")


def test_d_an_unknown_name_beside_a_folder_is_said_to_be_none_of_those_there(
    tmp_path: Path,
) -> None:
    for name in ("nonsuch", "digits"):
        with pytest.raises(UserError, match=f"and {name} is none of these; leave it out"):
            load(name, tmp_path)
