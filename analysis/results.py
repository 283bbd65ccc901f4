"""What lies in results: records, candidates, analyses and readings of test, found in folders."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from analysis import formats
from analysis.sources import Source, sources_of
from reproduce import records as record_files
from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.oracle import TEST_LOG
from reproduce.records import Record
from reproduce.summary import grouped
from reproduce.support.files import read_input
from reproduce.support.text import printable, safe_name

Analysis = dict[str, Any]
READING = ("time", "purpose", "command")  # texts of every line of the log of test


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
    curves : dict of (str, str) to dict
        Accuracy of random sets by size, by checksum of the data and protocol.
    architectures : list of dict
        Sets in other networks than theirs, of `benchmarks.compare.architectures`, with its `file`.
    maps, samples : dict of str to dict
        The embedding, with its `file`, and the images that the page bundles, by checksum.
    readings : list of dict
        Every reading of the sealed test split.
    skipped : list of str
        Files in the folders that are not ours or not whole: a line for each, with the reason.
    sources : dict of str to Source
        All data that any of it is of, by checksum.
    """

    records: list[Record] = field(default_factory=list)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    analyses: dict[str, Analysis] = field(default_factory=dict)
    curves: dict[tuple[str, str], Analysis] = field(default_factory=dict)
    architectures: list[Analysis] = field(default_factory=list)
    maps: dict[str, Analysis] = field(default_factory=dict)
    samples: dict[str, Analysis] = field(default_factory=dict)
    readings: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)

    def source_of(self, content: Analysis) -> Source:
        """The data that a record or an analysis is of."""
        return self.sources[content["checksum"]]

    @cached_property
    def file_names(self) -> dict[str, str]:
        """A part of file names for each candidate, by hash: its name, unless others share that."""
        plain = {key: plain_name(candidate.name) for key, candidate in self.candidates.items()}
        shared = Counter(plain.values())
        return {
            key: f"{name}-{key[:6]}" if shared[name] > 1 else name for key, name in plain.items()
        }

    def ordered_analyses(self) -> list[Analysis]:
        """Analyses of the candidates found: by data, then by size, then the best first."""
        known = [a for key, a in self.analyses.items() if key in self.candidates]
        return sorted(
            known,
            key=lambda a: (
                self.source_of(a).title,
                a["checksum"],
                a["ipc"],
                -np.mean(a["accuracies"]),
                a["name"],
            ),
        )

    def analyses_by_budget(self) -> dict[tuple[Source, float], list[Analysis]]:
        """The same, grouped by data and images per class."""
        return grouped(self.ordered_analyses(), lambda a: (self.source_of(a), a["ipc"]))


def plain_name(name: str) -> str:
    """The name of a set as a part of file names: in small letters, without spaces."""
    return safe_name(name.lower().replace("/", "-").replace(" ", "-"))


def collect(places: Sequence[Path]) -> Results:
    """Read folders, with all below them, and single files of candidates and records.

    What in a folder is not ours, or damaged, is passed over, with a line in `skipped`.

    Raises
    ------
    UserError
        When a place is missing, a named file is damaged, or there is nothing to show.
    """
    found = Results()
    for place in places:
        if place.is_dir():
            for path in _ordered(place):
                try:
                    _add(found, path)
                except UserError as error:
                    found.skipped.append(printable(str(error)))
        elif place.exists():
            if not _add(found, place):
                raise UserError(f"{place}: give a candidate .npz, a records .jsonl, or a folder")
        else:
            raise UserError(f"{place}: no such file or folder; give runs, candidates or records")
    latest = {_said(record): record for record in found.records}
    found.records = list(latest.values())
    _drop_what_does_not_fit(found)
    measured = (found.analyses, found.curves, found.maps, found.samples)
    found.sources = sources_of(
        found.records,
        found.candidates.values(),
        [content for kind in measured for content in kind.values()],
    )
    if not found.records and not found.candidates:
        raise UserError(
            f"{', '.join(map(str, places))}: no records and no candidates; score something first"
        )
    return found


def _said(record: Record) -> tuple[Any, ...]:
    """The score's key; where nothing is random, what the set is called stands for the seed."""
    if record.get("random", True):
        return record_files.key_of(record)
    return (*record_files.key_of({**record, "seed": None}), record["name"], record.get("role"))


def _ordered(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _add(found: Results, path: Path) -> bool:
    """Read one file; False where its ending is none of ours."""
    if path.name == TEST_LOG:
        found.readings += _readings(path)
    elif path.suffix == ".jsonl":
        found.records += [{**record, "file": _shown(path)} for record in record_files.read(path)]
    elif path.suffix == ".npz":
        candidate = Candidate.load(path)
        found.candidates.setdefault(candidate.hash, candidate)
        found.paths.setdefault(candidate.hash, _shown(path))
    elif path.suffix == ".json":
        _add_measured(found, path)
    return path.suffix in (".jsonl", ".npz", ".json")


def _shown(path: Path) -> str:
    """The path as a page can hold it: a file's name may be of any bytes."""
    return printable(str(path))


def _readings(path: Path) -> Iterable[dict[str, Any]]:
    """The lines of the log of test; one that was torn or altered is passed over."""
    for line in read_input(path).splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in READING):
            yield {**entry, **{name: printable(entry[name]) for name in READING}}


def _add_measured(found: Results, path: Path) -> None:
    """Keep what a JSON file holds under what it is of, so that nothing replaces another."""
    known = formats.read(path)
    if known is None:
        return
    kind, content = known
    content = {**content, "file": _shown(path)}
    if kind == "analysis":
        found.analyses[content["candidate"]] = content
    elif kind == "curve":
        found.curves[content["checksum"], content["protocol"]] = content
    elif kind == "map":
        found.maps[content["checksum"]] = content
    elif kind == "sample":
        found.samples[content["checksum"]] = content
    else:
        found.architectures += [{**row, "file": _shown(path)} for row in content["rows"]]


def _drop_what_does_not_fit(found: Results) -> None:
    """Pass over analyses and places on maps that are not those of the candidate they name."""
    for key, analysis in list(found.analyses.items()):
        candidate = found.candidates.get(key)
        if candidate and not _fits(analysis, candidate):
            del found.analyses[key]
            found.skipped.append(f"{analysis['file']}: not of its candidate; analyse that again")
    for embedding in found.maps.values():
        embedding["sets"] = {
            key: points
            for key, points in embedding["sets"].items()
            if key not in found.candidates or len(points["x"]) == len(found.candidates[key])
        }


def _fits(analysis: Analysis, candidate: Candidate) -> bool:
    return (
        len(analysis["nearest"]) == len(candidate)
        and len(analysis["confusion"]) == candidate.classes
        and analysis["checksum"] == candidate.checksum
    )
