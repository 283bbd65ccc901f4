"""A study journal whose damaged lines are mended before anything is read or appended.

A writer that is killed, or whose disk is full, leaves a last line without its end. Optuna would
append to such a line and then fail to read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from reproduce.errors import UserError
from reproduce.support.files import write_whole

START = b'{"op_code"'  # of an entry; inside of texts quotes are escaped
BEGINNING = re.compile(b"(?=" + re.escape(START) + b")")
BLANK = b"\0 \t\r\n"  # a power loss may leave zeros


class MendingLock(JournalFileOpenLock):
    """The lock of a journal's writers; whoever takes it finds a file that ends with a whole line.

    Parameters
    ----------
    path : Path
        The journal.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def acquire(self) -> bool:
        """Wait for the lock, then mend what the last holder may have left."""
        super().acquire()
        try:
            if not _ends_with_line(self.path):
                mend(self.path)
        except BaseException:
            self.release()
            raise
        return True


def open_journal(path: Path) -> JournalFileBackend:
    """A journal file for `JournalStorage`, made when it is missing and mended when it is damaged.

    Raises
    ------
    UserError
        When the file is no study journal.
    """
    lock = MendingLock(path)
    journal = JournalFileBackend(str(path), lock)
    lock.acquire()
    try:
        mend(path)
    finally:
        lock.release()
    return journal


def _ends_with_line(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        return file.read() in (b"", b"\n")


def mend(path: Path) -> None:
    """Remove torn and blank lines from a journal, and close a last line that lacks its end only.

    Raises
    ------
    UserError
        When a line cannot be what a writer left: the file is no study journal.
    """
    content = path.read_bytes()
    mended = b"".join(
        entry + b"\n"
        for number, line in enumerate(content.splitlines(keepends=True), 1)
        for entry in _entries(line, f"{path}: line {number}")
    )
    if mended != content:
        write_whole(path, mended)


def _entries(line: bytes, where: str) -> Iterator[bytes]:
    """The whole entries of a line; torn ones may stand before them, and at the end of the file."""
    pieces = [piece for part in BEGINNING.split(line) if (piece := part.strip(BLANK))]
    for piece in pieces:
        if parsed(piece) is not None:
            yield piece
        elif (line.endswith(b"\n") and piece is pieces[-1]) or not START.startswith(piece[:10]):
            raise UserError(
                f"{where} is no entry of a study journal; restore the file, or name another with "
                "--storage"
            )


def parsed(piece: bytes) -> dict[str, Any] | None:
    """The entry that a text is, or None."""
    try:
        entry = json.loads(piece)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and "op_code" in entry else None
