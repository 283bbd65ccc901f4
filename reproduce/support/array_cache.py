"""Arrays that are computed once and kept on disk, verified each time they are read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from reproduce.support import keys
from reproduce.support.files import is_regular, write_whole

DIGEST = hashlib.sha256().digest_size


def place(folder: Path, *parts: str | int | np.ndarray) -> Path:
    """Return the file of an array in a folder, named by all that the array depends on.

    Parameters
    ----------
    folder : Path
    parts : str, int or ndarray
        An array counts by its type, its shape and its values.
    """
    said = [_described(part) if isinstance(part, np.ndarray) else part for part in parts]
    return folder / f"{keys.key('array/1', *said)}.npy"


def stored(
    paths: Sequence[Path], make: Callable[[list[int]], Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """Read the arrays at `paths`; make those that are missing or damaged, and keep them.

    Parameters
    ----------
    paths : sequence of Path
    make : callable
        Takes the positions of the missing arrays in `paths` and returns these arrays.
    """
    found = [read(path) for path in paths]
    missing = [number for number, array in enumerate(found) if array is None]
    if missing:
        for number, array in zip(missing, make(missing), strict=True):
            write(paths[number], array)
            found[number] = array
    return [array for array in found if array is not None]


def read(path: Path) -> np.ndarray | None:
    """Read an array that `write` kept.

    Returns
    -------
    ndarray or None
        None where there is no such file, or one whose content is not what was written.
    """
    try:
        if not is_regular(path):
            return None
        whole = path.read_bytes()
        content, digest = whole[:-DIGEST], whole[-DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            return None
        array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError):
        return None
    return array


def write(path: Path, array: np.ndarray) -> None:
    """Keep an array: numpy's `.npy` format, and after it the SHA-256 of that."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    content = buffer.getvalue()
    write_whole(path, content + hashlib.sha256(content).digest())


def _described(array: np.ndarray) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"{array.dtype.str} {array.shape} {digest}"
