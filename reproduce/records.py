"""Records: one JSON line per scored replicate, append-only, shared by several processes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from reproduce.errors import UserError

Record = dict[str, Any]
# Two records with equal values of these fields answer the same question.
KEY = ("candidate", "checksum", "protocol", "plan", "split", "seed", "images", "epochs")


def key_of(record: Record) -> tuple[Any, ...]:
    """What identifies the score: candidate, data, protocol and its plan, split, seed, fidelity."""
    return (*(record[name] for name in KEY), record.get("part", 0))


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append whole lines under a lock; a line torn by an earlier crash is closed off first."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"), path.open("a+b") as file:
            text = "".join(f"{line}\n" for line in lines)
            if file.tell() and not _ends_line(path):
                text = "\n" + text
            file.write(text.encode())
            file.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write {path}: {reason}; free space or name another place"
        ) from None


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def read(path: Path) -> list[Record]:
    """All records of a file, [] when there is none.

    A torn line, left by a crash or a full disk, is passed over: its score is computed again.
    """
    if not Path(path).exists():
        return []
    records: list[Record] = []
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable records file ({type(error).__name__})") from None
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and all(name in record for name in KEY):
            records.append(record)
    if text.strip() and not records:
        raise UserError(f"{path}: holds no records; name another file with --records")
    return records


class Ledger:
    """The records of one file, with the latest score for each key; `path=None` keeps no file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._known = {key_of(record): record for record in read(path)} if path else {}

    def find(self, key: tuple[Any, ...]) -> Record | None:
        """The record with this key, or None."""
        return self._known.get(key)

    def add(self, records: Sequence[Record]) -> None:
        """Remember the records, and append them to the file at once."""
        if self.path:
            append_lines(self.path, [json.dumps(record) for record in records])
        self._known.update((key_of(record), record) for record in records)
