"""Files: only regular ones are read, and each is written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from reproduce.errors import UserError

LARGEST = 2**32  # bytes of an input file that is read
LOCK_PATIENCE = 20.0  # seconds; a lock is held for as long as a few lines take to write


def read_input(path: Path | str, most: int = LARGEST, start: int = 0) -> bytes:
    """Read a regular file, whole or from a position.

    Parameters
    ----------
    path : Path or str
        Links are followed.
    most : int
        Largest allowed size of the file in bytes.
    start : int
        Position of the first byte to read.

    Raises
    ------
    UserError
        When the file is missing, unreadable or too large, or is a folder, a named pipe, a device
        or a socket; reading one of these might never end.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UserError(
                    f"{path}: is a named pipe, a device or a socket; give a regular file"
                )
            file.seek(start)
            content = file.read(most + 1) if status.st_size <= most else b""
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise UserError(f"{path}: cannot be read ({_reason(error)})") from None
    if max(len(content), status.st_size) > most:
        raise UserError(f"{path}: {status.st_size:,} bytes, at most {most:,} are read")
    return content


def write_whole(path: Path | str, content: bytes) -> Path:
    """Write `content` beside `path`, flush it to disk, then move it into place.

    An interrupted or failed write leaves the previous file untouched. If `path` is a link, the
    link stays and its target is replaced. A device or a named pipe is written into.

    Parameters
    ----------
    path : Path or str
        The file; a missing folder is made.
    content : bytes

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UserError
        When the folder cannot be written to or the disk is full.
    """
    path = Path(path)
    try:
        if not is_regular(path):
            _write_into(path, content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None
    return path


def check_writable(path: Path | str, *, append: bool = False) -> None:
    """Find out, before long work, whether its result can be written; nothing is left there.

    Parameters
    ----------
    path : Path or str
        The file that is to be written whole. Folders on the way to it may be missing.
    append : bool
        Whether a file that is there will be appended to, instead of being replaced.

    Raises
    ------
    UserError
        When the path is a folder, or its folder cannot be written to.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if is_regular(path):
            _try_folder(Path(os.path.realpath(path)).parent)
            if append and path.exists():
                path.open("ab").close()
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None


def check_folder(folder: Path | str) -> None:
    """Find out, before long work, whether files can be written into a folder, or into a new one.

    Raises
    ------
    UserError
        When they cannot.
    """
    try:
        _try_folder(Path(os.path.realpath(folder)))
    except (OSError, ValueError) as error:
        raise unwritable(Path(folder), error) from None


def _try_folder(folder: Path) -> None:
    """Make a file without a name in a folder, or where the missing folder would be made."""
    while not folder.exists():
        folder = folder.parent
    tempfile.TemporaryFile(dir=folder).close()


def is_regular(path: Path) -> bool:
    """Whether the path is a regular file, or is free for one.

    A standard stream of this process does not count as one, whatever it is redirected to.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and _stream(status) is None


def write_only(path: Path) -> bool:
    """Whether the path is a device or a standard stream, which can only be written to."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(status.st_mode) or _stream(status) is not None


@contextmanager
def locked(path: Path, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Hold the lock file of a file, `PATH.lock` beside the file itself, also through links.

    Raises
    ------
    UserError
        When another process holds it for longer than `patience` seconds.
    """
    lock = FileLock(f"{os.path.realpath(path)}.lock")
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise UserError(
            f"{lock.lock_file}: another process has held this lock for {patience:g} s; "
            "wait for it or end it, then run the same command again"
        ) from None
    try:
        yield
    finally:
        lock.release()


def unwritable(path: Path, error: Exception) -> UserError:
    """The error for a file that could not be written."""
    return UserError(f"cannot write {path}: {_reason(error)}; free space or name another place")


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write_into(path: Path, content: bytes) -> None:
    stream = _stream(os.stat(path))
    if stream is not None:  # opened anew, what is printed later would overwrite it
        (sys.stdout, sys.stderr)[stream - 1].flush()
        with os.fdopen(os.dup(stream), "wb") as file:
            file.write(content)
        return
    handle = _without_waiting(str(path), os.O_WRONLY)  # fails where nobody reads a named pipe
    if hasattr(os, "set_blocking"):
        os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _stream(status: os.stat_result) -> int | None:
    """The number of the standard stream that has this status: 1, 2 or None."""
    for stream in (1, 2):
        try:
            if os.path.samestat(status, os.fstat(stream)):
                return stream
        except OSError:  # closed
            continue
    return None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, without waiting for a process at the other end of a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
