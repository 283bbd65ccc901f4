"""Compiled loops: numba's `njit`, kept on disk wherever there is a place for it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba

CONFIG: Any = numba.config  # untyped


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache: beside the code, in the user's own folder, or in a temporary one.

    Where all of these are read-only, the function is compiled anew in each process. It runs without
    Python's lock, so that threads compute side by side.

    Parameters
    ----------
    **options
        As `numba.njit` takes them, but `cache` and `nogil`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # numba may write neither beside the code nor in the user's folder
            folder = _temporary_folder()
        if folder is None:
            return numba.njit(nogil=True, **options)(function)
        with _cache_in(folder):
            return numba.njit(cache=True, nogil=True, **options)(function)

    return decorate


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Functions that are compiled inside are kept in the folder; others are left where they are."""
    before, CONFIG.CACHE_DIR = CONFIG.CACHE_DIR, str(folder)
    try:
        yield
    finally:
        CONFIG.CACHE_DIR = before


def _temporary_folder() -> Path | None:
    """A folder of this user alone among the system's temporary files, or None.

    What lies in the cache is executed, so a folder that another user made or may write to is not
    taken.
    """
    user = os.getuid() if hasattr(os, "getuid") else None  # on Windows all of them are the user's
    try:
        name = "supertrainer" if user is None else f"supertrainer-{user}"
        folder = Path(tempfile.gettempdir()) / name
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        return None
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return None if user is not None and (status.st_uid != user or shared) else folder
