"""Folders of pictures: one folder for each class, named by the class, with the images in it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.exchange.published import Published
from reproduce.images.read import folder
from reproduce.images.read.ink import inked, looks_dark
from reproduce.images.read.legible import legible
from reproduce.images.read.picture import grey
from reproduce.support.files import write_whole

PIXELS = (0.0, 1.0)  # mean and standard deviation of images that are not normalised


def read(path: Path, data: Dataset, centred: bool, dark: bool | None) -> Published:
    """The pictures of a folder as a set.

    Pictures of the data's size stay as they are. Where any has another size, all are made legible:
    inverted, scaled and centred as the data is.

    Parameters
    ----------
    path : Path
        Its folders bear the names of the data's classes.
    data : Dataset
    centred : bool
        As for `legible`.
    dark : bool or None
        Whether ink is dark on white paper.

    Raises
    ------
    UserError
        When the folder is not laid out so, a file in it is no image, or pictures of the data's
        size look like dark ink and `dark` is None.
    """
    known = {named(name): label for label, name in enumerate(data.classes)}
    found = folder.classes(path)
    for name in found:
        if name not in known:
            raise UserError(f"{path}: {name!r} is no class of {data.name}, use {', '.join(known)}")
    files = [(file, known[name]) for name in found for file in folder.files(path / name)]
    labels = np.array([label for _, label in files])
    shape, said = data.image_shape, ""
    if any(_size(file) != shape for file, _ in files):
        made = [legible(file, shape, centred, dark) for file, _ in files]
        said = ", or ".join(dict.fromkeys(done for _, done in made))
        return Published(
            np.stack([image for image, _ in made])[:, None], labels, "png", PIXELS, said
        )
    images = np.stack([grey(file, shape, dark) for file, _ in files])
    try:
        if dark is None and looks_dark(images):
            raise UserError("looks like dark ink on white paper; give --dark-ink, or --light-ink")
        return Published(inked(images, bool(dark)), labels, "png", PIXELS)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _size(file: Path) -> tuple[int, ...]:
    return grey(file, lenient=True).shape


def write(candidate: Candidate, names: tuple[str, ...], path: Path) -> list[Path]:
    """Write every image as a PNG of bytes, cut to 0..1, into the folder of its class.

    Parameters
    ----------
    candidate : Candidate
        A soft label counts as its largest entry.
    names : tuple of str
        Of the classes.
    path : Path
    """
    levels = np.rint(255 * candidate.images[:, 0].clip(0, 1)).astype(np.uint8)
    written = []
    for number, (image, label) in enumerate(zip(levels, candidate.hard_labels(), strict=True)):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        place = path / named(names[label]) / f"{number:05}.png"
        written.append(write_whole(place, buffer.getvalue()))
    return written


def lost(candidate: Candidate) -> str:
    """What a folder of pictures cannot hold of a set, in words; empty where it holds all."""
    low, high = candidate.images.min(), candidate.images.max()
    words = [f"pixels from {low:.3g} to {high:.3g} are cut to 0..1"] if low < 0 or high > 1 else []
    words += ["soft labels become their largest entry"] if candidate.label_scale != "class" else []
    return " and ".join(words)


def named(name: str) -> str:
    """The name of a class as that of a folder."""
    return name.replace("/", "_")
