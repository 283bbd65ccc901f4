"""The JSON files that a report knows, told apart by what they hold, and each checked whole.

A file may have come from anywhere: what is shown, counted or drawn of it is checked by type, range
and length here, so that nothing behind has to.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from reproduce.errors import UserError
from reproduce.support.files import read_input
from reproduce.support.schema import Number, Optional, Rule, Several, Whole, Words
from reproduce.support.text import brief

Content = dict[str, Any]
LARGEST = 256 * 2**20  # bytes of a JSON file: of ours the largest have a few million
MANY = 1_000_000
BENCHES = "benchmarks"  # the folder of benchmarks, which have readers of their own
HISTORY = ".history.json"  # how a distillation went, of no concern to the page


@dataclass(frozen=True)
class Fields:
    """A JSON object with these fields, and with others, which are left as they are."""

    rules: Mapping[str, Rule]
    optional: Mapping[str, Rule]

    def check(self, value: Any, what: str) -> Any:
        """Return the object; UserError for the first field that is missing or unsound."""
        if not isinstance(value, dict):
            raise UserError(f"{what} is {brief(value)}, use an object with named fields")
        for name, rule in self.rules.items():
            if name not in value:
                raise UserError(f"{what}: {name} is missing")
            rule.check(value[name], f"{what}: {name}")
        for name, rule in self.optional.items():
            if name in value:
                rule.check(value[name], f"{what}: {name}")
        return value


@dataclass(frozen=True)
class Table:
    """A JSON object from names of any kind to values of one."""

    each: Rule

    def check(self, value: Any, what: str) -> Any:
        """Return the object."""
        if not isinstance(value, dict):
            raise UserError(f"{what} is {brief(value)}, use an object with named fields")
        for name, one in value.items():
            Words().check(name, f"{what}: a name")
            self.each.check(one, f"{what}: {name}")
        return value


def fields(optional: Mapping[str, Rule] | None = None, **rules: Rule) -> Fields:
    """Rules by the names of their fields."""
    return Fields(rules, optional or {})


COUNT, LABEL = Whole(0, 2**53), Whole(0, 999)
PERCENT = Number(0, 100)
REAL = Number(-1e12, 1e12)
SCORES, LABELS, REALS = Several(PERCENT, MANY), Several(LABEL, MANY), Several(REAL, MANY)
TEXT, LONG, BYTES = Words(), Words(most=100_000, least=0), Words(most=LARGEST, least=0)
NAMES = Several(TEXT, 1000)

ORIGIN = fields(
    {"class_names": NAMES},
    dataset=TEXT,
    checksum=TEXT,
    protocol=Optional(TEXT),
    split=TEXT,
    seeds=Several(COUNT, 100_000),
    command=LONG,
    commit=TEXT,
    versions=Table(TEXT),
)
POINTS = fields(x=REALS, y=REALS, label=LABELS)
ANALYSIS = fields(
    {"leave_one_out": Several(SCORES, MANY)},
    candidate=TEXT,
    name=TEXT,
    ipc=Number(0, 1e9, above=True),
    protocol=TEXT,
    accuracies=SCORES,
    nearest=Several(fields(index=COUNT, label=LABEL, distance=Number(0, 1e12), pixels=BYTES), MANY),
    usual=Number(0, 1e12),
    extremity=Several(Number(0, 1), MANY),
    confusion=Several(Several(COUNT, 1000), 1000),
    confused=Several(
        fields(index=COUNT, label=LABEL, said=LABEL, wrong=Number(0, 1), pixels=BYTES), MANY
    ),
    learning=fields(images=COUNT, steps=Several(COUNT, MANY), accuracies=Several(SCORES, MANY)),
    sensitivity=Several(fields(kind=TEXT, amount=Optional(REAL), accuracies=SCORES), MANY),
)
CURVE = fields(
    protocol=TEXT,
    ipc=Several(Number(0, 1e9, above=True), 1000),
    accuracies=Several(Several(SCORES, MANY), 1000),
)
MAP = fields(background=POINTS, sets=Table(POINTS))
SAMPLE = fields(side=Whole(1, 1024), labels=LABELS, pixels=BYTES)
CROSSED = fields(
    candidate=TEXT,
    commit=TEXT,
    name=TEXT,
    split=TEXT,
    seeds=Several(COUNT, 100_000),
    command=LONG,
    accuracies=Table(SCORES),
)


def side_of(pixels: str) -> int | None:
    """The side of a square image kept as bytes in base64; None where it is none."""
    try:
        size = len(base64.b64decode(pixels, validate=True))
    except ValueError:
        return None
    side = math.isqrt(size)
    return side if side and side * side == size else None


def _whole_analysis(content: Content) -> bool:
    """Whether the parts of an analysis fit each other."""
    images, runs = len(content["nearest"]), len(content["accuracies"])
    confusion, learning = content["confusion"], content["learning"]
    tiles = [*content["nearest"], *content["confused"]]
    runs_of = [change["accuracies"] for change in content["sensitivity"]]
    runs_of += content.get("leave_one_out", [])
    labels = [digit[name] for digit in content["confused"] for name in ("label", "said")]
    return (
        images > 0
        and len(content["extremity"]) == images
        and runs > 0
        and all(len(values) == runs for values in runs_of)
        and len(content["leave_one_out"] if "leave_one_out" in content else content["nearest"])
        == images
        and len(confusion) > 1
        and all(len(row) == len(confusion) and sum(row) > 0 for row in confusion)
        and max(labels, default=0) < len(confusion)
        and all(side_of(tile["pixels"]) for tile in tiles)
        and len(learning["steps"]) == len(learning["accuracies"])
        and _even(learning["accuracies"])
    )


def _whole_curve(content: Content) -> bool:
    sizes, accuracies = content["ipc"], content["accuracies"]
    return (
        len(sizes) == len(accuracies) > 1
        and all(a < b for a, b in pairwise(sizes))
        and all(sets and all(sets) for sets in accuracies)
    )


def _whole_map(content: Content) -> bool:
    points = [content["background"], *content["sets"].values()]
    return all(len(p["x"]) == len(p["y"]) == len(p["label"]) > 0 for p in points)


def _whole_sample(content: Content) -> bool:
    try:
        size = len(base64.b64decode(content["pixels"], validate=True))
    except ValueError:
        return False
    return size == content["side"] ** 2 * len(content["labels"]) > 0


def _even(rows: list[list[float]]) -> bool:
    """Whether all rows are of one length above 0."""
    return all(len(row) == len(rows[0]) > 0 for row in rows)


def _whole_crossed(content: Content) -> bool:
    rows = content["rows"]
    networks = [list(row["accuracies"]) for row in rows]
    values = [v for row in rows for v in row["accuracies"].values()]
    return bool(rows) and all(of == networks[0] for of in networks) and all(map(len, values))


@dataclass(frozen=True)
class Kind:
    """One kind of file: by which fields it is known, and what must hold of it."""

    name: str
    known_by: tuple[str, ...]
    rules: tuple[Rule, ...]
    whole: Callable[[Content], bool]


KINDS = (
    Kind("analysis", ("candidate", "learning"), (ORIGIN, ANALYSIS), _whole_analysis),
    Kind("curve", ("ipc", "accuracies"), (ORIGIN, CURVE), _whole_curve),
    Kind("map", ("background", "sets"), (ORIGIN, MAP), _whole_map),
    Kind("sample", ("side", "pixels"), (ORIGIN, SAMPLE), _whole_sample),
    Kind(
        "architectures",
        ("settings", "rows"),
        (fields(rows=Several(CROSSED, 10_000)),),
        _whole_crossed,
    ),
)


def read(path: Path) -> tuple[str, Content] | None:
    """Kind and content of a JSON file; None where the page has no use for it.

    Raises
    ------
    UserError
        When it cannot be read, is none of ours, or is not whole: one line that says why.
    """
    if path.name.endswith(HISTORY):
        return None
    content = _parsed(path)
    if path.parent.name == BENCHES and not _crossed(content):
        return None
    if isinstance(content, list):
        raise UserError(f"{path}: a JSON list; records are read from .jsonl files")
    for kind in KINDS:
        if isinstance(content, dict) and all(name in content for name in kind.known_by):
            for rule in kind.rules:
                rule.check(content, str(path))
            if not kind.whole(content):
                raise UserError(f"{path}: parts of this {kind.name} do not fit; make it again")
            return kind.name, content
    raise UserError(f"{path}: no file that the page knows")


def _crossed(content: Any) -> bool:
    """Whether a benchmark is that of other networks, which the page shows."""
    rows = content.get("rows") if isinstance(content, dict) else None
    return isinstance(rows, list) and any(
        isinstance(row, dict) and isinstance(row.get("accuracies"), dict) for row in rows
    )


def _parsed(path: Path) -> Any:
    try:
        return json.loads(read_input(path, LARGEST))
    except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, deep nesting
        raise UserError(f"{path}: no readable JSON ({type(error).__name__})") from None


def square(pixels: str) -> np.ndarray:
    """An image kept as bytes in base64, as (1, side, side) in 0..1."""
    grey = np.frombuffer(base64.b64decode(pixels), np.uint8)
    side = math.isqrt(len(grey))
    return grey.reshape(1, side, side) / np.float32(255)
