"""Bad own data is refused in one line that says what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reproduce import UserError, load
from tests.mutation import refused_or
from tests.reproduce.sources.own_data import (
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
