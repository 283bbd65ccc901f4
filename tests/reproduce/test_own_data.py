"""Issue 18, D: what is wrong with own data gets one line that says what to do."""

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
from tests.reproduce.own_data import (
    LABELS,
    ROWS,
    N,
    animation,
    bomb,
    damage,
    idx,
    idx_file,
    images,
    moved,
    npz,
    png,
    put,
    renamed,
    transparent,
    tree,
)

FLOATS = images() / 255
OBJECTS = np.array([{}] * N, dtype=object)
HEAD = idx_file(images())[:16]
REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "labels in a column": (npz(labels=LABELS[:, None]), r"shape \(70, 1\); save labels.ravel"),
    "labels of several dimensions": (npz(labels=np.zeros((N, 2, 2), int)), r"\(70, 2, 2\)"),
    "a single label": (npz(labels=3), r"shape \(\); give one whole number for each of 70"),
    "no labels": (npz(labels=LABELS[:0]), r"shape \(0,\)"),
    "one label too few": (npz(labels=LABELS[1:]), r"shape \(69,\); give one .* 70 images"),
    "labels that are objects": (npz(labels=OBJECTS), "pickled objects"),
    "labels that are text": (npz(labels=LABELS.astype(str)), "type <U21; .*folder of class"),
    "labels that are complex": (npz(labels=LABELS + 0j), "type complex128"),
    "labels that are dates": (npz(labels=LABELS.astype("M8[s]")), "type datetime64"),
    "labels between whole numbers": (npz(labels=LABELS + 0.5), "no whole numbers"),
    "labels that are NaN": (npz(labels=LABELS * np.nan), "no whole numbers"),
    "labels below 0": (npz(labels=LABELS - 1), "from -1 to 0; give classes from 0"),
    "labels beyond all bounds": (npz(labels=LABELS * 1e300), "run from .* give classes from 0"),
    "rows with two ones": (npz(labels=np.ones((N, 2))), "not one 1 and else 0"),
    "rows of probabilities": (npz(labels=ROWS * 0.6 + 0.2), "not one 1 and else 0"),
    "one class": (npz(labels=LABELS * 0), "at least two classes"),
    "a class missing from a split": (
        npz(labels=(np.arange(N) == 0) + 0),
        r"'1' has no image in validation by split seed 0; give it more images",
    ),
    "labels left out": (npz(labels=False), "no labels; own data needs both"),
    "images left out": (npz(False), "no images; own data needs both"),
    "other arrays": (npz(x_train=LABELS), "holds 'x_train.npy', and may hold images, labels"),
    "colour": (npz(np.zeros((N, 6, 7, 3), np.uint8)), r"\(70, 6, 7, 3\); give grey ones"),
    "rows of pixels": (npz(np.zeros((N, 42), np.uint8)), r"\(70, 42\); give grey ones"),
    "images of no pixels": (npz(np.zeros((N, 0, 7), np.uint8)), r"\(70, 1, 0, 7\)"),
    "no images": (npz(images()[:0], LABELS[:0]), "no images; give at least seven"),
    "images that are objects": (npz(OBJECTS), "pickled objects"),
    "images that are complex": (npz(FLOATS + 0j), "complex128 do not say what full ink is"),
    "images that are text": (npz(images().astype(str)), "do not say what full ink is"),
    "images with NaN": (npz(np.where(FLOATS == 1, np.nan, FLOATS)), "not finite"),
    "images below 0": (npz(FLOATS - 0.1), "run from -0.1 to 0.9, floats must lie in 0..1"),
    "floats of 0..255": (npz(images() * 1.0), r"run from 0 to 255, .*divided by .* full ink"),
    "bytes of 0 and 1": (npz(images() // 255), "brightest pixel is 1, and 255 would be full ink"),
    "bytes of 0..16": (npz(images() // 15), "brightest pixel is 17, and 255 would be full"),
    "bytes divided twice": (npz(FLOATS / 255), "brightest pixel is 0.00392157, and 1 would be"),
    "bytes as 16-bit numbers": (npz(images().astype("u2")), "255, and 65535 would be full ink"),
    "whole numbers of 64 bits": (npz(images().astype(int)), "int64 do not say what full ink is"),
    "blank images": (npz(np.zeros((N, 6, 7))), "all pixels of all images are 0"),
    "dark ink on white paper": (npz(255 - images()), "looks like dark ink on white .*--invert"),
    "too few images": (npz(images()[:5], LABELS[:5]), r"too few images \(5\) for 2 classes"),
    "IDX images cut short": (idx(idx_file(images())[:-9]), "damaged IDX file .*2,940 .*2,931"),
    "IDX labels cut short": (
        idx(labels=idx_file(LABELS.astype("u1"))[:-1]),
        "labels-idx1.*: damag",
    ),
    "IDX with more than its header says": (idx(idx_file(images()) + b"x"), "holds more"),
    "IDX cut in its header": (idx(HEAD[:9]), "no header of 3 dimensions"),
    "IDX of nothing": (idx(b""), "no IDX file"),
    "IDX with another magic": (idx(b"PK\3\4" + HEAD), "no IDX file"),
    "IDX of gigabytes": (idx(idx_file(images(), shape=(2**31, 28, 28))), "at most 2,147,483,648"),
    "IDX of many dimensions": (idx(bytes([0, 0, 8, 200]) + bytes(800)), "header of 200 dim"),
    "IDX files swapped": (
        idx(idx_file(LABELS.astype("u1")), idx_file(images())),
        "holds labels, not images; the two files may be swapped",
    ),
    "IDX images twice": (idx(labels=idx_file(images())), "holds images, not labels"),
    "IDX files of other lengths": (
        idx(labels=idx_file(LABELS[1:].astype("u1"))),
        "70 images, but 69 labels in own-labels-idx1-ubyte",
    ),
    "IDX packed and damaged": (
        lambda folder: damage(idx(packed=True)(folder).with_name("own-images-idx3-ubyte.gz")),
        "damaged .gz file",
    ),
    "folder of splits": (tree(moved("train", "test")), r"splits, not classes; give .*/train, cut"),
    "folder of splits without classes": (
        tree(renamed("training", "testing")),
        "testing, training are splits, not classes; give a folder with one folder for each class",
    ),
    "folder in a folder": (tree(moved("classes")), "one folder in it, 'classes'"),
    "folder that nests deeper": (tree(moved("a", "b")), "'class0' is a folder in a class folder"),
    "folder of images": (tree(put("stray.png")), "'stray.png' lies outside of a class folder"),
    "folder of nothing": (lambda path: path, "no class folders in it"),
    "a class of no images": (tree(lambda p: (p / "class9").mkdir()), "no images in this class"),
    "text in a class folder": (tree(put("class0/notes.txt")), "'notes.txt' is no image; move it"),
    "text named .png": (tree(put("class0/no.png")), "no.png: cannot be read as an image"),
    "a program named .png": (tree(put("class0/no.png", b"%!PS-Adobe-3.0 EPSF-3.0\n")), "no.png"),
    "an image cut short": (
        tree(lambda p: damage(p / "class0" / "0.png")),
        "0.png: cannot be read as an image .*; save it again",
    ),
    "a bomb": (tree(bomb), "bomb.png: cannot be read as an image .DecompressionBombError"),
    "an animation": (tree(animation), "0.gif: an animation or a document of several pages"),
    "images of several sizes": (
        tree(lambda p: png(images()[0, 1:]).save(p / "class1" / "x.png")),
        r"x.png: images have several sizes, \(5, 7\) and \(6, 7\)",
    ),
    "images of several depths": (
        tree(lambda p: png(images()[0].astype("u2")).save(p / "class1" / "x.png")),
        "x.png: uint16 pixels, others have uint8",
    ),
    "dark ink on white scans": (tree(made=lambda p: png(255 - p)), "dark ink .*give --invert"),
    "ink in the alpha channel": (tree(made=transparent), "background is transparent; give --inv"),
    "16-bit scans of bytes": (tree(made=lambda p: png(p.astype("u2"))), "65535 would be full"),
    "floats of 0..255 in TIFF": (
        tree(made=lambda p: png(p.astype("f4")), ending="tif"),
        "run from 0 to 255, floats must lie in 0..1",
    ),
    "32-bit whole numbers in TIFF": (
        tree(made=lambda p: png(p.astype("i4")), ending="tif"),
        "int32 do not say what full ink is",
    ),
    "a class of an escape sequence": (
        tree(lambda p: (p / "class0").rename(p / "\x1b[31mred")),
        "name of a class folder is .*leave the unprintable characters out",
    ),
    "a folder of colour": (
        tree(made=lambda p: Image.merge("RGB", [png(p), png(p // 2), png(p)])),
        "an image in colour; convert it to grey",
    ),
    "a palette of colours": (
        tree(made=lambda p: Image.merge("RGB", [png(p), png(p // 2), png(p)]).convert("P")),
        "an image in colour; convert it to grey",
    ),
    "images of IDX by another name": (
        lambda path: idx()(path).rename(path / "own.idx"),
        "no .npz, and no IDX file with 'images' in its name",
    ),
    "labels of IDX for images": (
        lambda path: idx()(path).with_name("own-labels-idx1-ubyte"),
        "no .npz, and no IDX file with 'images' in its name",
    ),
    "a file of another kind": (lambda path: path / "own.docx", "own data is a .npz, a folder"),
    "nothing there": (lambda path: path / "no.npz", "no such dataset; use mnist, fashion, digits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_d_bad_own_data_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    if os.name == "nt" and "escape" in name:
        pytest.skip("Windows has no such names")
    make, expected = REFUSED[name]
    (tmp_path / "own.docx").write_bytes(b"PK")
    path = make(tmp_path)
    with pytest.raises(UserError, match=expected) as caught:
        load(str(path))
    assert refused_or(lambda: load(str(path))) is None  # in one printable line
    assert str(tmp_path) in str(caught.value)


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
