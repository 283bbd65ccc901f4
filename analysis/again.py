"""Commands that compute one number again, and nothing else: what a reader can check it by."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from reproduce.records import Record

MOST = 3  # commands of one number; of more sets than that the rest go the same way


def scores(records: Sequence[Record], paths: Mapping[str, str]) -> list[str]:
    """Commands that score again what records say, a file or essay's draw and run of seeds each.

    Parameters
    ----------
    records : sequence of dict
        At least one, of full fidelity.
    paths : mapping of str to str
        Where candidates lie, by hash.

    Returns
    -------
    list of str
        Empty where a set has no file and is none of the essay's: only the command that made the
        record makes the set, too.
    """
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        key = tuple(record[name] for name in ("candidate", "protocol", "split"))
        groups.setdefault(key, []).append(record)
    found: list[str] = []
    for some in groups.values():
        made = _set(some[0], paths)
        if made is None:
            return []
        options = {"--split": some[0]["split"]}
        found += [_line([*made, *_flat(options)], run) for run in runs(r["seed"] for r in some)]
    return found if len(found) <= MOST else []


def _set(record: Record, paths: Mapping[str, str]) -> list[str] | None:
    """The beginning of a command that scores the record's set under its protocol."""
    if record["candidate"] in paths:
        return ["score", paths[record["candidate"]], "--protocol", record["protocol"]]
    if record["method"] != "essay draw":
        return None
    drawn = ["--draw", record["draw"]] if record["draw"] else []
    size = str(record["ipc"]) if record["draw"] else "0"
    return ["reproduce", record["protocol"], *_data(record), *drawn, "--n", size]


def _data(record: Mapping[str, Any]) -> list[str]:
    """Options that open the record's data."""
    if record.get("path"):
        seed = {"--split-seed": str(record["split_seed"])} if record.get("split_seed") else {}
        invert = ["--invert"] if record.get("invert") else []
        return [*_flat({"--dataset": record["path"], **seed}), *invert]
    return [] if record["dataset"] == "mnist" else ["--dataset", record["dataset"]]


def runs(seeds: Iterable[int]) -> list[range]:
    """Seeds as ranges without gaps, in rising order."""
    ordered = sorted(set(seeds))
    parts = groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    return [range(part[0][1], part[-1][1] + 1) for part in (list(group) for _, group in parts)]


def analysis(content: Mapping[str, Any], path: str) -> str:
    """The command that measures one candidate again, into a folder of its own."""
    options = {"--protocol": content["protocol"], "--out": "runs/analysis"}
    seeds = range(content["seeds"][0], content["seeds"][-1] + 1) if content["seeds"] else range(1)
    return _line(["analyse", path, *_flat(options)], seeds)


def curve(content: Mapping[str, Any]) -> str:
    """The command that measures one curve of random sets again, into a folder of its own."""
    options = {
        "--protocol": content["protocol"],
        "--n": ",".join(f"{ipc:g}" for ipc in content["ipc"]),
        "--sets": str(len(content["accuracies"][0])),
        "--out": "runs/analysis",
    }
    seeds = range(len(content["seeds"]))
    return _line(["random-curve", *_data(content), *_flat(options)], seeds)


def show(path: str) -> str:
    """The command that shows one candidate."""
    return shlex.join(["supertrainer", "show", path])


def _flat(options: Mapping[str, str]) -> list[str]:
    return [part for pair in options.items() for part in pair]


def _line(parts: Sequence[str], seeds: range) -> str:
    first = ["--first-seed", str(seeds.start)] if seeds.start else []
    return shlex.join(["supertrainer", *parts, "--seeds", str(len(seeds)), *first])
