"""Arrays that are computed once and kept on disk, verified each time they are read."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from reproduce.support.files import is_regular, write_whole

DIGEST = hashlib.sha256().digest_size


def read(path: Path, mmap_mode: Literal["c"] | None = None) -> np.ndarray | None:
    """Read an array that `write` kept.

    Parameters
    ----------
    path : Path
    mmap_mode : `c` or None
        `c` maps the file into memory, so that processes share it; None reads it.

    Returns
    -------
    ndarray or None
        None where there is no such file, or one whose content is not what was written: whoever
        asks then computes the array again.
    """
    try:
        if not is_regular(path):
            return None
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size - DIGEST
            found = hashlib.sha256()
            while block := file.read(max(0, min(2**20, size - file.tell()))):
                found.update(block)
            if found.digest() != file.read():
                return None
        array: np.ndarray = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return array


def write(path: Path, array: np.ndarray) -> None:
    """Keep an array: numpy's `.npy` format, and after it the SHA-256 of what it is."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    content = buffer.getvalue()
    write_whole(path, content + hashlib.sha256(content).digest())


def stored(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Read the array at `path`; where it is missing or damaged, `make` and keep it."""
    found = read(path)
    if found is None:
        found = make()
        write(path, found)
    return found
