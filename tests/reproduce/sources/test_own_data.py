"""Good own data is read in every form, and damaged files are refused or read as something sound."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reproduce import Dataset, UserError, load
from tests.mutation import archives, damaged, refused_or
from tests.reproduce.sources.own_data import (
    LABELS,
    ROWS,
    N,
    idx,
    idx_file,
    images,
    npz,
    png,
    renamed,
    transparent,
    tree,
)

FLOATS = images() / 255


def sound(data: Dataset | None) -> Dataset | None:
    """Own data that was read, after all that the rest of the project relies on was checked."""
    if data is None:
        return None
    parts = [data.train, data.validation, data.read_test()]
    shape = (1, *data.image_shape)
    assert len(data.classes) >= 2
    for part in parts:
        assert part.images.dtype == np.float32
        assert part.images.shape == (len(part), *shape)
        assert part.labels.dtype == np.int64
        assert np.isfinite(part.images).all()
        assert 0 <= part.images.min() <= part.images.max() <= 1
        assert np.array_equal(np.unique(part.labels), np.arange(len(data.classes)))
    assert max(part.images.max() for part in parts) >= 0.5
    return data


ACCEPTED: dict[str, tuple[Callable[[Path], Path], bool | None]] = {
    "bytes": (npz(), None),
    "of one channel": (npz(images()[:, None]), None),
    "floats": (npz(FLOATS.astype("f4")), None),
    "half floats": (npz(FLOATS.astype("f2")), None),
    "16-bit": (npz(images().astype("u2") * 257), None),
    "truth values": (npz(images() > 127), None),
    "one-hot": (npz(labels=ROWS), None),
    "one-hot floats": (npz(labels=ROWS * 1.0), None),
    "labels as floats": (npz(labels=LABELS * 4.0), None),
    "labels of one byte": (npz(labels=LABELS.astype("i1")), None),
    "dark ink": (npz(255 - images()), True),
    "white on purpose": (npz(255 - images()), False),
    "IDX": (idx(), None),
    "IDX packed": (idx(packed=True), None),
    "IDX of floats": (idx(idx_file(FLOATS.astype(">f4"), 0x0D)), None),
    "folder": (tree(), None),
    "folder of JPEG": (tree(ending="jpg"), None),
    "folder with clutter": (tree(lambda p: [clutter(p), clutter(p / "class0")]), None),
    "grey in three channels": (tree(made=lambda p: png(p).convert("RGB")), None),
    "grey JPEG in three channels": (tree(made=lambda p: png(p).convert("RGB"), ending="jpg"), None),
    "palette": (tree(made=lambda p: png(p).convert("P")), None),
    "black and white": (tree(made=lambda p: png(p).convert("1")), None),
    "16-bit PNG": (tree(made=lambda p: png(p.astype("u2") * 257)), None),
    "floats in TIFF": (tree(made=lambda p: png(p.astype("f4") / 255), ending="tif"), None),
    "black ink in alpha": (tree(made=transparent), True),
    "a class called train": (tree(renamed("car", "train")), None),
}


def clutter(path: Path) -> None:
    """What version control, notebooks and operating systems leave behind."""
    for name in (".git", ".ipynb_checkpoints", "__MACOSX"):
        (path / name).mkdir()
        Image.new("L", (6, 7)).save(path / name / "0.png")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (path / name).write_bytes(b"x")


@pytest.mark.parametrize("name", ACCEPTED)
def test_d_good_own_data_is_read_alike(name: str, tmp_path: Path) -> None:
    make, invert = ACCEPTED[name]
    data = sound(load(str(make(tmp_path)), invert=invert))
    assert data is not None
    assert len(data.train) == 50
    bright = np.concatenate([data.train.images, data.validation.images]).mean()
    ink = images().mean() / 255
    assert abs(bright - (1 - ink if name == "white on purpose" else ink)) < 0.03


def test_d_inverted_bytes_are_the_same_data(tmp_path: Path) -> None:
    plain = load(str(npz()(tmp_path)))
    inverted = load(str(npz(255 - images())(tmp_path)), invert=True)
    assert inverted.checksum == plain.checksum
    assert (inverted.invert, plain.invert) == (True, False)


def test_d_raw_idx_wins_over_packed(tmp_path: Path) -> None:
    idx(packed=True)(tmp_path)
    path = idx(idx_file(255 - images()))(tmp_path)
    with pytest.raises(UserError, match="dark ink"):
        load(str(path))
    path.unlink()  # its packed neighbour is read, with the raw labels
    assert load(str(path)).checksum == load(f"{path}.gz").checksum


def test_d_a_class_missing_by_one_seed_gets_a_seed_that_does(tmp_path: Path) -> None:
    labels = (np.arange(N) < 4).astype(int)
    path = str(npz(labels=labels)(tmp_path))
    seeds = []
    for seed in range(10):
        try:
            sound(load(path, split_seed=seed))
        except UserError as error:
            seeds.append(int(str(error).rpartition(" ")[2]))
    assert seeds
    assert sound(load(path, split_seed=seeds[0]))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_d_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    path = tree()(tmp_path)
    os.mkfifo(path / "class0" / "pipe.png")
    for name in (tmp_path / "pipe.npz", path):
        assert refused_or(lambda name=name: load(str(name))) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.mark.fuzz
@given(data=st.data())
def test_d_a_damaged_npz_is_refused_or_sound(folder: Path, data: st.DataObject) -> None:
    arrays = {"images": images(), "labels": LABELS}
    path = folder / "fuzz.npz"
    whole = npz()(folder).read_bytes()
    path.write_bytes(data.draw(damaged(whole) | archives(arrays)))
    sound(refused_or(lambda: load(str(path))))


@pytest.mark.fuzz
@given(data=st.data(), part=st.sampled_from(["images-idx3", "labels-idx1"]), packed=st.booleans())
def test_d_damaged_idx_is_refused_or_sound(
    folder: Path, data: st.DataObject, part: str, packed: bool
) -> None:
    home = folder / f"idx{packed}"
    home.mkdir(exist_ok=True)
    path = idx(packed=packed)(home)
    hurt = home / f"own-{part}-ubyte{'.gz' * packed}"
    hurt.write_bytes(data.draw(damaged(hurt.read_bytes())))
    sound(refused_or(lambda: load(str(path))))


@pytest.mark.fuzz
@given(data=st.data(), ending=st.sampled_from(["png", "jpg", "gif", "bmp", "pgm", "tif", "webp"]))
def test_d_a_damaged_image_is_refused_or_sound(
    folder: Path, data: st.DataObject, ending: str
) -> None:
    home = folder / ending
    if not home.exists():
        home.mkdir()
        tree(ending=ending, count=14)(home)
    hurt = home / "own" / "class1" / f"1.{ending}"
    whole = hurt.read_bytes()
    try:
        hurt.write_bytes(data.draw(damaged(whole)))
        sound(refused_or(lambda: load(str(home / "own"))))
    finally:
        hurt.write_bytes(whole)
