"""Commands that compute one number again, and nothing else: what a reader can check it by."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from reproduce.records import Record
from reproduce.summary import grouped

MOST = 4  # commands of one number; one that takes more is not cheap
RIVALS = "runs/rivals"  # where `benchmarks.compare.rivals` writes sets


def scores(records: Sequence[Record], paths: Mapping[str, str]) -> list[str]:
    """Commands that score again what records say.

    Parameters
    ----------
    records : sequence of dict
        At least one, of full fidelity.
    paths : mapping of str to str
        Where candidates lie, by hash.

    Returns
    -------
    list of str
        One for each set and run of seeds, after one that writes the set where it has no file.
        Empty where only the command that made the record makes the set.
    """

    def set_of(record: Record) -> tuple[str, ...]:
        one = record["role"] if _are_random(record) else record["candidate"]
        return one, record["protocol"], record["split"]

    found: list[str] = []
    for some in grouped(records, set_of).values():
        made = _set(some, paths)
        if made is None:
            return []
        *before, begin = made
        found += before
        options = shlex.join(["--split", some[0]["split"]])
        found += [f"{begin} {options} {_seeds(run)}" for run in runs(r["seed"] for r in some)]
    found = list(dict.fromkeys(found))
    return found if len(found) <= MOST else []


def _are_random(record: Record) -> bool:
    """Whether the set is one of many that `benchmarks.compare.rivals` draws."""
    return record.get("role") == "random sets" and record["method"] == "random"


def _set(records: Sequence[Record], paths: Mapping[str, str]) -> list[str] | None:
    """Commands that make a set and begin to score it under its protocol; None where none does."""
    record = records[0]
    protocol, ipc = record["protocol"], f"{record['ipc']:g}"
    if _are_random(record):
        count = len({one["candidate"] for one in records})
        options = ["--ipc", ipc, "--count", str(count), *_data(record)]
        scored = f"supertrainer score {RIVALS}/random-{ipc}-*.npz"
        return [
            shlex.join(["python", "-m", "benchmarks.compare.rivals", "random", *options]),
            f"{scored} {shlex.join(['--protocol', protocol])}",
        ]
    if record["candidate"] in paths:
        path = paths[record["candidate"]]
        return [shlex.join(["supertrainer", "score", path, "--protocol", protocol])]
    if record.get("role") == "simple rule":
        rule = record["method"]
        made = ["python", "-m", "benchmarks.compare.rivals", rule, "--ipc", ipc, *_data(record)]
        path = f"{RIVALS}/{rule}-{ipc}.npz"
        scored = shlex.join(["supertrainer", "score", path, "--protocol", protocol])
        return [shlex.join(made), scored]
    if record["method"] != "essay draw":
        return None
    drawn = ["--draw", record["draw"], "--n", ipc] if record["draw"] else ["--n", "0"]
    return [shlex.join(["supertrainer", "reproduce", protocol, *drawn, *_data(record)])]


def _data(record: Mapping[str, Any]) -> list[str]:
    """Options that open the record's data."""
    if record.get("path"):
        seed = ["--split-seed", str(record["split_seed"])] if record.get("split_seed") else []
        return ["--dataset", record["path"], *seed, *(["--invert"] if record.get("invert") else [])]
    return [] if record["dataset"] == "mnist" else ["--dataset", record["dataset"]]


def runs(seeds: Iterable[int]) -> list[range]:
    """Seeds as ranges without gaps, in rising order."""
    ordered = sorted(set(seeds))
    parts = groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0])
    return [range(part[0][1], part[-1][1] + 1) for part in (list(group) for _, group in parts)]


def analysis(content: Mapping[str, Any], path: str) -> str:
    """The command that measures one candidate again, into a folder of its own."""
    options = ["--protocol", content["protocol"], "--out", "runs/analysis"]
    return _measure(["analyse", path, *options], content)


def curve(content: Mapping[str, Any]) -> str:
    """The command that measures one curve of random sets again, into a folder of its own."""
    sizes = ",".join(f"{ipc:g}" for ipc in content["ipc"])
    options = ["--protocol", content["protocol"], "--n", sizes]
    options += ["--sets", str(len(content["accuracies"][0])), "--out", "runs/analysis"]
    return _measure(["random-curve", *_data(content), *options], content)


def network(content: Mapping[str, Any], path: str, name: str) -> str:
    """The command that scores one candidate in one network that is not its own."""
    begin = shlex.join(["python", "-m", "benchmarks.compare.architectures", path, "--only", name])
    return f"{begin} {_seeds(range(len(content['seeds'])))}"


def show(path: str) -> str:
    """The command that shows one candidate."""
    return shlex.join(["supertrainer", "show", path])


def _measure(parts: Sequence[str], content: Mapping[str, Any]) -> str:
    """A command whose seeds are those of what it has measured, which begin at 0."""
    return f"{shlex.join(['supertrainer', *parts])} {_seeds(range(len(content['seeds'])))}"


def _seeds(seeds: range) -> str:
    first = f" --first-seed {seeds.start}" if seeds.start else ""
    return f"--seeds {len(seeds)}{first}"
