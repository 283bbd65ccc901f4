"""Tables of the final reading of the test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reproduce import data
from reproduce.records import read
from reproduce.summary import Summary, grouped, name_of, naming_data, role_of, summarise
from reproduce.support.table import Code, Table

NOT_OURS = {"random sets": "random sets", "essay draw": "the essay's draw"}
MNIST = "mnist"  # comes first
CHOICE = "validation-a"  # the split that says which simple rule is the strongest


@dataclass(frozen=True)
class Reading:
    """What test said of one set, or of several random ones."""

    data: str
    protocol: str
    ipc: float
    name: str
    role: str
    summary: Summary


def readings(results: Path, split: str = "test") -> list[Reading]:
    """The final readings of a split by protocol and size, the best first."""
    records = [r for r in read(results / "test" / "records.jsonl") if r["split"] == split]
    groups = grouped(
        records,
        lambda r: (
            *(data.title(r["dataset"], r["checksum"]), r["protocol"], r["ipc"]),
            *(name_of(r), role_of(r)),
        ),
    )
    found = [Reading(*key, summarise(group)) for key, group in groups.items()]
    return sorted(found, key=lambda r: (r.data != MNIST, r.data, *place(r), -r.summary.mean))


def place(reading: Reading) -> tuple[str, float]:
    """What the sets of a comparison share beside their data."""
    return reading.protocol, reading.ipc


def strongest_rules(results: Path) -> dict[tuple[str, str, float], str]:
    """The strongest simple rule of each data, protocol and size: the best mean on `CHOICE`."""
    rules: dict[tuple[str, str, float], Reading] = {}
    for reading in readings(results, CHOICE):  # the best first
        if reading.role == "simple rule":
            best = rules.setdefault((reading.data, *place(reading)), reading)
            if reading.summary.n > best.summary.n:  # a choice in heats: the last has most networks
                rules[reading.data, *place(reading)] = reading
    return {key: reading.name for key, reading in rules.items()}


def distilled(results: Path) -> Table:
    """The reading of test for distilled sets."""
    return _table([r for r in readings(results) if r.role == "distilled"])


def chosen(results: Path) -> Table:
    """The reading of test for sets of real images: chosen ones and their rivals."""
    return _table([r for r in readings(results) if r.role != "distilled"])


def _table(found: Sequence[Reading]) -> Table:
    rows = [[r.name, f"{r.ipc:g}", Code(r.protocol), r.summary, r.summary.counted] for r in found]
    table = Table(["set", "ipc", "protocol", "test accuracy", "n"], rows)
    return naming_data(table, [r.data for r in found])


def overview(results: Path) -> Table:
    """The reading of test, protocol by protocol: ours, the strongest simple rule, random sets.

    Where nothing on record chooses among the simple rules, all of them are shown.
    """
    found, rules = readings(results), strongest_rules(results)
    protocols = list(dict.fromkeys(reading.protocol for reading in found))
    kept: dict[tuple[str, float, str], dict[str, str]] = {}
    for reading in sorted(found, key=lambda r: (r.data != MNIST, r.data, r.ipc, -r.summary.mean)):
        strongest = rules.get((reading.data, *place(reading)))
        cell = f"{reading.summary} ({reading.summary.counted})"
        what = NOT_OURS.get(reading.role, reading.name)
        if reading.role == "simple rule" and strongest:
            what, cell = "the strongest simple rule", f"{cell}, {reading.name}"
        if reading.role != "simple rule" or strongest in (None, reading.name):
            kept.setdefault((reading.data, reading.ipc, what), {}).setdefault(
                reading.protocol, cell
            )
    head = ["set", "ipc", *(Code(protocol) for protocol in protocols)]
    rows = [
        [what, f"{ipc:g}", *(cells.get(protocol, "–") for protocol in protocols)]
        for (_, ipc, what), cells in kept.items()
    ]
    return naming_data(Table(head, rows), [named for named, _, _ in kept])
