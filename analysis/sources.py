"""Which data a number is of: told by checksum, called by name, with the classes' names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reproduce.candidate import Candidate
from reproduce.data import title
from reproduce.known import CHECKSUMS
from reproduce.support.text import safe_name

KNOWN = {checksum: name for name, checksum in CHECKSUMS.items()}
DIGITS = 6  # of a checksum that tell data of one name apart


@dataclass(frozen=True)
class Source:
    """One dataset.

    Attributes
    ----------
    checksum : str
    name : str
        What it calls itself; several datasets may have one name.
    classes : tuple of str
        Names of its classes; empty where nothing that was found says how many there are.
    """

    checksum: str
    name: str
    classes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name, with digits of its checksum where the name alone could mean other data."""
        return title(self.name, self.checksum)

    @property
    def key(self) -> str:
        """A part of file names that no other data has."""
        if self.checksum in KNOWN:
            return KNOWN[self.checksum]
        return f"{safe_name(self.name)}-{self.checksum[:DIGITS]}"

    @property
    def chance(self) -> float:
        """What guessing gets of even classes, in percent; 0 where nobody knows how many."""
        return 100 / len(self.classes) if self.classes else 0.0

    def class_name(self, label: int) -> str:
        """The name of a class, or its number where that has none."""
        return self.classes[label] if label < len(self.classes) else str(label)


def per_class(ipc: float) -> str:
    """A number of images per class in words."""
    return "one image per class" if ipc == 1 else f"{ipc:g} images per class"


def sources_of(
    records: Iterable[Mapping[str, Any]],
    candidates: Iterable[Candidate],
    measured: Iterable[Mapping[str, Any]],
) -> dict[str, Source]:
    """All data that records, candidates and analyses are of, by checksum, in the order met."""
    names: dict[str, str] = {}
    named: dict[str, tuple[str, ...]] = {}
    counted: dict[str, int] = {}
    for candidate in candidates:
        names.setdefault(candidate.checksum, candidate.dataset)
        counted.setdefault(candidate.checksum, candidate.classes)
        if candidate.class_names:
            named.setdefault(candidate.checksum, candidate.class_names)
    for content in (*records, *measured):
        names.setdefault(content["checksum"], content["dataset"])
        if content.get("class_names"):
            named.setdefault(content["checksum"], tuple(content["class_names"]))
        if content.get("class_errors"):
            counted.setdefault(content["checksum"], len(content["class_errors"]))
    return {
        checksum: Source(
            checksum,
            KNOWN.get(checksum, name),
            named.get(checksum) or tuple(map(str, range(counted.get(checksum, 0)))),
        )
        for checksum, name in names.items()
    }
