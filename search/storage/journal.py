"""Optuna's journal file, kept readable: what a crash leaves of a last line is mended, not built on.

A writer that is killed, or whose disk is full, leaves a line without its end. Whoever writes next
cuts such a tail off, or closes it where it is whole, while it holds the file's lock. A tail that an
earlier version built on is told from the line that was glued to it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from reproduce.errors import UserError

START = b'{"op_code"'  # of an entry; inside of texts quotes are escaped
BEGINNING = re.compile(b"(?=" + re.escape(START) + b")")
INSTEAD = "restore the file, or name another with --storage"
BLANK = b"\0 \t\r\n"  # a power loss may leave zeros
BLOCK = 2**16  # bytes read at once when the beginning of a last line is looked for


class Journal(JournalFileBackend):
    """A journal file of Optuna's, for `JournalStorage`.

    Parameters
    ----------
    path : Path
        The file, made when it is missing.

    Raises
    ------
    UserError
        From all that reads, when a line in the file's middle is no entry.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), MendingLock(path))
        self.path = path
        self._lines = [(0, 0)]  # for each line that was read: entries and bytes before it

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """Yield the entries from the one with this number on, without what is torn or blank."""
        while self._lines[-1][0] > log_number_from:
            self._lines.pop()
        number, offset = self._lines[-1]
        with self.path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # somebody is writing it; or it is torn, and the next writer mends it
                for entry in self._entries(line, offset):
                    number += 1
                    if number > log_number_from:
                        yield entry
                offset += len(line)
                self._lines.append((number, offset))

    def _entries(self, line: bytes, offset: int) -> list[dict[str, Any]]:
        pieces = _pieces(line)
        found = [parsed(piece) for piece in pieces]
        if pieces and found[-1] is None:
            before = self.path.read_bytes()[:offset].count(b"\n")
            raise UserError(
                f"{self.path}: line {before + 1} is no entry of a study journal; {INSTEAD}"
            )
        return [entry for entry in found if entry is not None]


class MendingLock(JournalFileOpenLock):
    """The lock of a journal's writers; who takes it finds a file that ends with a whole line."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def acquire(self) -> bool:
        """Wait for the lock, then mend what the last holder may have left."""
        super().acquire()
        try:
            mend(self.path)
        except BaseException:
            self.release()
            raise
        return True


def mend(path: Path) -> None:
    """Close the last line of a journal where it is whole, or else cut it off.

    Raises
    ------
    UserError
        When it cannot be what is left of an entry: the file is no journal.
    """
    with path.open("r+b") as file:
        start = _start_of_last_line(file)
        file.seek(start)
        tail = file.read()
        if tail:
            if not START.startswith(tail.strip(BLANK)[: len(START)]):
                raise UserError(f"{path}: its last line is no entry of a study journal; {INSTEAD}")
            whole = [piece for piece in _pieces(tail) if parsed(piece) is not None]
            file.seek(start)
            file.write(b"".join(piece + b"\n" for piece in whole))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _start_of_last_line(file: Any) -> int:
    """Where what follows the last line end begins: the file's end, where nothing does."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - BLOCK)
        file.seek(begin)
        newline = file.read(end - begin).rfind(b"\n")
        if newline >= 0:
            return int(begin + newline + 1)
        end = begin
    return 0


def _pieces(line: bytes) -> list[bytes]:
    """The parts of a line that begin as an entry does, and what stands before the first."""
    return [piece for part in BEGINNING.split(line) if (piece := part.strip(BLANK))]


def parsed(piece: bytes) -> dict[str, Any] | None:
    """The entry that a text is, or None."""
    try:
        entry = json.loads(piece)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and "op_code" in entry else None
