"""Records: one JSON line for each scored replicate, append-only, shared by several processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from reproduce.errors import UserError
from reproduce.support.files import (
    check_writable,
    is_regular,
    locked,
    read_input,
    unwritable,
    write_only,
    write_whole,
)
from reproduce.support.schema import Flag, Named, Number, Optional, Rule, Several, Whole, Words
from reproduce.support.text import brief, printable

Record = dict[str, Any]
# Records with equal values of these fields are of the same score.
KEY = ("candidate", "checksum", "protocol", "plan", "split", "seed", "images", "epochs")
LONG = Words(100_000, least=0)
PERCENT = Number(0, 100)
RULES: dict[str, Rule] = {
    "candidate": Words(),
    "checksum": Words(),
    "protocol": Words(10_000),
    "plan": Words(10_000),
    "split": Words(),
    "seed": Whole(0, 2**63),
    "images": Optional(Whole(1, 2**63)),
    "epochs": Optional(Whole(1, 2**63)),
    "part": Whole(0, 2**63),
    "members": Optional(Whole(1, 2**63)),
    "width": Optional(Whole(1, 2**63)),
    "accuracy": PERCENT,
    "class_errors": Several(PERCENT, 100_000),
    "name": Words(least=0),
    "method": Words(least=0),
    "dataset": LONG,
    "draw": Optional(Words(least=0)),
    "role": Words(),
    "chosen_on": Optional(Words()),
    "frame": Words(),
    "ipc": Number(0, 1e12),
    "random": Flag(),
    "seconds": Number(0, 1e12),
    "time": LONG,
    "device": LONG,
    "commit": LONG,
    "command": LONG,
    "versions": Named(LONG, 1000),
}
NEEDED = (*KEY, "accuracy")
ANY_SCORE = Number(-sys.float_info.max, sys.float_info.max)  # of a user's own function


def key_of(record: Record) -> tuple[Any, ...]:
    """What identifies a score: candidate, data, protocol and its plan, split, seed, fidelity."""
    return (*(record[name] for name in KEY), record.get("part", 0))


def is_full(record: Record) -> bool:
    """Whether a record scored at full fidelity: on all images of its split, trained in full."""
    return not any(record.get(name) for name in ("images", "epochs", "members", "width"))


def check(record: Any) -> Record:
    """Return a JSON value that is a record.

    Raises
    ------
    UserError
        When it is no record: a field is missing, of another type, or out of range.
    """
    if not isinstance(record, dict):
        raise UserError("is no JSON object")
    missing = [name for name in NEEDED if name not in record]
    if missing:
        raise UserError(f"has no {missing[0]}")
    for name in RULES.keys() & record.keys():
        rule = RULES[name]
        if name == "accuracy" and str(record["protocol"]).startswith("function "):
            rule = ANY_SCORE
        rule.check(record[name], name)
    later = {name: record[name] for name in record.keys() - RULES.keys()}  # of a later version
    try:
        json.dumps(later, allow_nan=False)
    except ValueError:
        raise UserError(f"{brief(min(later))} has a number that is not finite") from None
    return record


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append whole lines under a lock, after ending a line that a crash has left unfinished."""
    _append(Path(path), lambda: lines)


def _append(path: Path, lines: Callable[[], Iterable[str]]) -> None:
    """Append the lines that the function returns; it is called when the lock is held."""
    try:
        if not is_regular(path):
            write_whole(path, _joined(lines()))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path), path.open("a+b") as file:
            text = _joined(lines())
            if text and file.tell() and not _ends_line(path):
                text = b"\n" + text
            file.write(text)
            file.flush()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise unwritable(path, error) from None


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def read(path: Path) -> list[Record]:
    """The latest record of every key of a file, [] when there is no file.

    Lines that are no records, or have a field of the wrong type or out of range, are skipped, and
    one line on standard error says how many. An unfinished last line, left by a crash or a full
    disk, is skipped without a word: its score is computed again.

    Raises
    ------
    UserError
        When the file cannot be read, or has content but no record.
    """
    path = Path(path)
    return list(_latest(read_input(path), path).values()) if path.exists() else []


def _latest(content: bytes, path: Path) -> dict[tuple[Any, ...], Record]:
    """The latest record of every key in the content of a file."""
    whole, _, tail = content.rpartition(b"\n")
    latest = {key_of(record): record for record in _parsed(whole, path)}
    latest |= {key_of(record): record for record in _parsed(tail, None)}
    if content.strip() and not latest and not _torn(content):
        raise UserError(f"{path}: holds no records; name another file with --records")
    return latest


def _torn(content: bytes) -> bool:
    """Whether this is an unfinished first record and nothing else."""
    return content.startswith(b'{"candidate": ') and b"\n" not in content


def _parsed(content: bytes, path: Path | None) -> Iterator[Record]:
    """The records among these lines; with a path, one line on standard error counts the others."""
    faults: list[str] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield check(json.loads(line))
        except (UserError, ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, UserError) else "is no JSON"
            faults.append(f"line {number}: {reason}")
    if path and faults:
        count = "1 line is no record" if len(faults) == 1 else f"{len(faults)} lines are no records"
        print(printable(f"{path}: {count}, passed over ({faults[0]})"), file=sys.stderr)


class Ledger:
    """The records of one file, with the latest score for each key; without a path, of no file.

    Other processes may append to the file meanwhile: `refresh` and `add` read what is new.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._known: dict[tuple[Any, ...], Record] = {}
        self._read, self._end = 0, b""  # how many bytes of whole lines were read, and the last ones
        if path and path.exists() and not write_only(path):
            content = read_input(path)
            self._known = _latest(content, path)
            self._count(content)

    def check_writable(self) -> None:
        """Raise UserError where no records could be added to the file; it stays as it is."""
        if self.path:
            check_writable(self.path, append=True)

    def find(self, key: tuple[Any, ...]) -> Record | None:
        """The record with this key, or None."""
        return self._known.get(key)

    def refresh(self) -> None:
        """Read what was appended since, by this process or another."""
        if not self.path or write_only(self.path) or not self.path.exists():
            return
        new = read_input(self.path, start=self._read - len(self._end))
        if new.startswith(self._end):
            new = new[len(self._end) :]
        else:  # another file lies there now
            self._read, self._end, new = 0, b"", read_input(self.path)
        whole = self._count(new)
        self._known.update((key_of(record), record) for record in _parsed(whole, None))

    def _count(self, content: bytes) -> bytes:
        """Note what was read, and return its whole lines."""
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        self._end = whole[-100:] or self._end
        return whole

    def add(self, records: Sequence[Record], again: bool = False) -> None:
        """Remember the records, and append them to the file at once.

        A score that another process has appended meanwhile stands, and is not appended a second
        time; with `again` it is.
        """
        if self.path:
            _append(self.path, lambda: map(json.dumps, self._new(records, again)))
        else:
            self._new(records, again)

    def _new(self, records: Sequence[Record], again: bool) -> list[Record]:
        self.refresh()
        new = [record for record in records if again or key_of(record) not in self._known]
        self._known.update((key_of(record), record) for record in new)
        return new
