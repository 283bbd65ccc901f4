"""Datasets load from every source, their splits hold, and the test split stays sealed."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reproduce import Dataset, UserError, load


def small(n: int = 70) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (n, 6, 7), dtype=np.uint8), np.arange(n) % 2


def test_mnist_splits(mnist: Dataset) -> None:
    assert len(mnist.train) == 50_000
    assert len(mnist.validation) == 10_000
    assert mnist.train.images.shape == (50_000, 1, 28, 28)
    assert mnist.train.images.max() == 1.0
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_fashion_loads(mnist: Dataset) -> None:
    fashion = load("fashion")
    assert fashion.classes[0] == "T-shirt/top"
    assert fashion.checksum != mnist.checksum


def test_test_split_is_sealed(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sealed"):
        digits.split("test")
    log = tmp_path / "readings.jsonl"
    images = digits.unseal(log, "a check")
    entry = json.loads(log.read_text())
    assert entry["purpose"] == "a check"
    assert entry["dataset"] == "digits"
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


def test_damaged_idx_is_refused(tmp_path: Path) -> None:
    path = write_idx(tmp_path, *small())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match="damaged"):
        load(str(path))


def test_damaged_mnist_is_refused(mnist: Dataset, tmp_path: Path) -> None:
    whole = np.concatenate([mnist.train.labels, mnist.validation.labels])
    images = np.zeros((len(whole), 28, 28), np.uint8)
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    made = write_idx(folder, images, whole)
    for kind in ("train", "t10k"):
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(made.read_bytes())
        labels = (folder / "some-labels-idx1-ubyte").read_bytes()
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(UserError, match="damaged"):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": np.zeros((70, 5, 5))},
        {"images": np.zeros((70, 5)), "labels": np.zeros(70, int)},
        {"images": np.zeros((70, 5, 5)), "labels": np.zeros(69, int)},
        {"images": np.full((70, 5, 5), 2.0), "labels": np.arange(70) % 2},
        {"images": np.zeros((70, 5, 5)), "labels": np.full(70, 0.5)},
        {"images": np.zeros((5, 5, 5)), "labels": np.arange(5)},
    ],
)
def test_bad_own_data_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(UserError) as caught:
        load(str(tmp_path / "own.npz"))
    assert "\n" not in str(caught.value)


def test_empty_environment_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    from reproduce.data import root_of

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
