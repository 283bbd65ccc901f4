"""IDX files, MNIST's format: a header of big-endian numbers, then the values; packed or not."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np

from reproduce.errors import UserError
from reproduce.support.files import read_input

LARGEST = 2**31  # bytes of values that are read
TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
DIMENSIONS = 4  # at most


def find(path: Path) -> Path | None:
    """The file, or else its packed form `PATH.gz`; None where neither is there."""
    packed = path.with_name(f"{path.name}.gz")
    return next((file for file in (path, packed) if file.exists()), None)


def read_images(path: Path) -> np.ndarray:
    """Images (n, H, W) of an IDX file."""
    images = read(path)
    if images.ndim < 3:
        raise UserError(f"{path}: holds labels, not images; the two files may be swapped")
    return images


def read_labels(path: Path) -> np.ndarray:
    """Labels (n,) of an IDX file, or one row of them an image (n, C)."""
    labels = read(path)
    if labels.ndim > 2:
        raise UserError(f"{path}: holds images, not labels; the two files may be swapped")
    return labels


def read(path: Path) -> np.ndarray:
    """The values of an IDX file, of the type and shape that its header says.

    Raises
    ------
    UserError
        When the file is none, is damaged, or holds more than 2 GiB. Nothing is unpacked beyond
        what the header says.
    """
    content = io.BytesIO(read_input(path))
    try:
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=content) as unpacked:
                return _values(unpacked, path)
        return _values(content, path)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged .gz file ({error}); fetch it again") from None


def _values(file: io.BufferedIOBase, path: Path) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise UserError(f"{path}: no IDX file, or a damaged one (its first bytes say no type)")
    head = file.read(4 * magic[3])
    if len(head) < 4 * magic[3] or not 1 <= magic[3] <= DIMENSIONS:
        raise UserError(f"{path}: damaged IDX file (no header of {magic[3]} dimensions)")
    shape, kind = np.frombuffer(head, ">u4").tolist(), np.dtype(TYPES[magic[2]])
    size = math.prod(shape) * kind.itemsize
    if size > LARGEST:
        raise UserError(f"{path}: {size:,} bytes by its header, at most {LARGEST:,} are read")
    values = file.read(size + 1)
    if len(values) != size:
        found = f"{len(values):,}" if len(values) < size else "more"
        raise UserError(
            f"{path}: damaged IDX file (its header says {size:,} bytes, it holds {found}); "
            "fetch it again"
        )
    return np.frombuffer(values, kind).reshape(shape)
