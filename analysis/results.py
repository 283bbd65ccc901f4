"""What lies in results: records, candidates, analyses and readings of test, found in folders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproduce import records as record_files
from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.oracle import TEST_LOG
from reproduce.records import Record

Analysis = dict[str, Any]


def is_full(record: Record) -> bool:
    """Whether a record scored at full fidelity: all images of its split, all epochs."""
    return record["images"] is None and record["epochs"] is None


@dataclass
class Results:
    """Everything that a report is made from.

    Attributes
    ----------
    records : list of dict
        Records of all files, each with its file's path as `file`; the latest for each key, and one
        of those of a protocol without randomness, whose seeds all say the same.
    candidates : dict of str to Candidate
        By hash, in the order of their paths.
    paths : dict of str to str
        Where each candidate lies, by hash.
    analyses : dict of str to dict
        What `supertrainer analyse` has measured, by candidate hash, each with its `file`.
    curves : dict of str to dict
        Accuracy of random sets by size, by protocol.
    architectures : list of dict
        Sets in other networks than theirs, of `benchmarks.cross_architecture`, with its `file`.
    map, sample : dict or None
        The embedding, with its `file`, and the digits that the page bundles.
    readings : list of dict
        Every reading of the sealed test split.
    skipped : list of str
        `.npz` files in the folders that are no candidates.
    """

    records: list[Record] = field(default_factory=list)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    analyses: dict[str, Analysis] = field(default_factory=dict)
    curves: dict[str, Analysis] = field(default_factory=dict)
    architectures: list[Analysis] = field(default_factory=list)
    map: Analysis | None = None
    sample: Analysis | None = None
    readings: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def collect(places: Sequence[Path]) -> Results:
    """Read folders, with all below them, and single files of candidates and records.

    Raises
    ------
    UserError
        When a place is missing, a named file is damaged, or there is nothing to show.
    """
    found = Results()
    for place in places:
        if place.is_dir():
            for path in _ordered(place):
                _add(found, path, named=False)
        elif place.exists():
            _add(found, place, named=True)
        else:
            raise UserError(f"{place}: no such file or folder; give runs, candidates or records")
    latest = {_said(record): record for record in found.records}
    found.records = list(latest.values())
    if not found.records and not found.candidates:
        raise UserError(
            f"{', '.join(map(str, places))}: no records and no candidates; score something first"
        )
    return found


def _said(record: Record) -> tuple[Any, ...]:
    """The score's key; where nothing is random, the set's name, as of a finalist, for the seed."""
    known = {} if record.get("random", True) else {"seed": record["name"]}
    return record_files.key_of({**record, **known})


def _ordered(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _add(found: Results, path: Path, named: bool) -> None:
    if path.name == TEST_LOG:
        found.readings += [
            json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()
        ]
    elif path.suffix == ".jsonl":
        found.records += [{**record, "file": str(path)} for record in record_files.read(path)]
    elif path.suffix == ".npz":
        _add_candidate(found, path, named)
    elif path.suffix == ".json":
        _add_analysis(found, json.loads(path.read_text(encoding="utf-8")), str(path))
    elif named:
        raise UserError(f"{path}: give a candidate .npz, a records .jsonl, or a folder")


def _add_candidate(found: Results, path: Path, named: bool) -> None:
    try:
        candidate = Candidate.load(path)
    except UserError:
        if named:
            raise
        found.skipped.append(str(path))
        return
    found.candidates.setdefault(candidate.hash, candidate)
    found.paths.setdefault(candidate.hash, str(path))


def _add_analysis(found: Results, content: Analysis, file: str) -> None:
    """Tell the kinds of JSON files apart by what they hold; others are of no concern here."""
    if "candidate" in content and "learning" in content:
        found.analyses[content["candidate"]] = {**content, "file": file}
    elif "ipc" in content and "accuracies" in content:
        found.curves[content["protocol"]] = {**content, "file": file}
    elif any(isinstance(row.get("accuracies"), dict) for row in content.get("rows", ())):
        found.architectures += [{**row, "file": file} for row in content["rows"]]
    elif "background" in content:
        found.map = {**content, "file": file}
    elif "side" in content and "pixels" in content:
        found.sample = content
