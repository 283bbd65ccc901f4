"""Own data as a folder of class folders, each with the images of one class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reproduce.errors import UserError
from reproduce.images.read.picture import ENDINGS, grey
from reproduce.support.text import brief, checked

CLUTTER = {"__macosx", "__pycache__", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}
LARGEST = 2**31  # bytes of pixels, as floats, that are read of all images


def read(path: Path, invert: bool | None) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images (n, H, W) of their own depth, labels (n,) and class names of a folder.

    Hidden files and those that operating systems leave behind are passed over.

    Parameters
    ----------
    path : Path
    invert : bool or None
        Transparent pixels are white paper where ink is dark (True), and black where it is light
        (False).

    Raises
    ------
    UserError
        When the folder is not laid out so, or a file in a class folder is no whole image of one
        size and depth with the others.
    """
    names = classes(path)
    found = [(file, label) for label, name in enumerate(names) for file in files(path / name)]
    first = grey(found[0][0], None, invert)
    if first.size * 4 * len(found) > LARGEST:
        raise UserError(
            f"{path}: {len(found)} images of {first.shape} are too many pixels; make them smaller"
        )
    images = np.empty((len(found), *first.shape), first.dtype)
    for place, (file, _) in enumerate(found):
        image = grey(file, first.shape, invert)
        if image.dtype != first.dtype:
            raise UserError(f"{file}: {image.dtype} pixels, others have {first.dtype}; save alike")
        images[place] = image
    return images, np.array([label for _, label in found]), tuple(names)


def _visible(path: Path) -> list[Path]:
    """What is in a folder, but for hidden and system files, by name."""
    try:
        entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    return [e for e in entries if e.name[0] != "." and e.name.lower() not in CLUTTER]


def classes(path: Path) -> list[str]:
    """Names of the class folders."""
    entries = _visible(path)
    stray = [e.name for e in entries if not e.is_dir() and e.suffix.lower() in ENDINGS]
    if stray:
        raise UserError(f"{path}: {brief(stray[0])} lies outside of a class folder; move it")
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise UserError(f"{path}: no class folders in it; put the images of each class into one")
    names = [checked(entry.name, f"{path}: name of a class folder") for entry in folders]
    if all(name.lower() in SPLITS for name in names):
        largest = next((e for e in folders if e.name.lower().startswith("train")), folders[0])
        inside = any(entry.is_dir() for entry in _visible(largest))
        hint = f"give {largest}" if inside else "give a folder with one folder for each class"
        raise UserError(f"{path}: {', '.join(names)} are splits, not classes; {hint}, cut anew")
    if len(folders) == 1:
        raise UserError(
            f"{path}: one folder in it, {names[0]!r}, where two or more classes are needed; "
            "give the folder of class folders"
        )
    return names


def files(path: Path) -> list[Path]:
    """The images of a class, by name."""
    files = _visible(path)
    for file in files:
        name = checked(file.name, f"{path}: name of a file")
        if file.is_dir():
            raise UserError(
                f"{path}: {name!r} is a folder in a class folder; give the folder whose "
                "folders are the classes"
            )
        if file.suffix.lower() not in ENDINGS or not file.is_file():
            raise UserError(f"{path}: {name!r} is no image; move it away, or save it as PNG")
    if not files:
        raise UserError(f"{path}: no images in this class folder; remove it, or put some in")
    return files
