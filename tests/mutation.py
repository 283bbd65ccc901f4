"""Damage for property tests: what a reader meets when a disk, a network or a person errs.

Every strategy takes something whole and makes damaged ones of it. A reader passes when it refuses
them with a UserError of one line (`refused_or`), or reads something that passes all of its checks.
"""

from __future__ import annotations

import copy
import io
import json
import math
import warnings
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from reproduce import UserError

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[T]], T]

NUMBERS = (0, -1, 1, 2, 255, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e-300, 1e12, 1e308)
TEXTS = (
    "",
    " ",
    "a",
    "\x1b[31m",
    "\x00",
    "\ud800",
    "[bold]x",
    "$x^{$",
    "../up",
    "a\nb",
    "x" * 9999,
)
OTHERS = (
    None,
    True,
    False,
    math.nan,
    math.inf,
    -math.inf,
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    [1, "a"],
)
# A copy of each: what is drawn may be changed.
SAMPLED = st.sampled_from([*NUMBERS, *TEXTS, *OTHERS]).map(copy.deepcopy)
JSON_VALUES = SAMPLED | st.integers() | st.floats() | st.text()


def refused_or(read: Callable[[], T]) -> T | None:
    """What was read, or None where it was refused in one printable line.

    Any other exception passes through, and so fails the test.
    """
    try:
        return read()
    except UserError as error:
        line = str(error)
        assert line.strip()
        assert "\n" not in line
        assert "\x1b" not in line
        line.encode()  # a lone surrogate cannot be
        assert len(line) < 1000
        return None


@st.composite
def damaged(draw: Draw[Any], whole: bytes) -> bytes:
    """`whole` with one to four of its parts flipped, overwritten, cut, doubled or put in."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.sampled_from([1, 1, 1, 2, 4, 16, 256, 10**9])))
        how = draw(st.sampled_from(["flip", "flip", "random", "zero", "cut", "double", "insert"]))
        if how == "flip" and start < len(content):
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif how == "random":
            content[start : min(stop, start + 16)] = draw(st.binary(min_size=1, max_size=16))
        elif how == "zero":
            content[start:stop] = bytes(stop - start)
        elif how == "cut":
            del content[start:stop]
        elif how == "double":
            content[start:start] = content[start:stop]
        elif how == "insert":
            content[start:start] = draw(st.binary(min_size=1, max_size=16))
    return bytes(content)


@st.composite
def altered(draw: Draw[Any], tree: Any) -> Any:
    """A JSON value with one to three of its parts replaced, left out, renamed or added to."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        node = tree
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
                node = node[key]
                continue
            how = draw(st.sampled_from(["replace", "replace", "replace", "drop", "add"]))
            if how == "replace":
                node[key] = draw(JSON_VALUES)
            elif how == "drop":
                del node[key]
            elif isinstance(node, dict):
                node[draw(st.text(max_size=5))] = draw(JSON_VALUES)
            else:
                node.append(draw(JSON_VALUES))
            break
    return tree


def deep(levels: int = 100_000) -> str:
    """JSON that is nested too deeply for a parser that recurses."""
    return "[" * levels + "]" * levels


DTYPES = ("?", "i1", "u1", ">i4", "<i8", "u8", "<f2", ">f4", "<f8", "<c8", "<U3", "S2", "<M8[s]")


@st.composite
def arrays(draw: Draw[Any], whole: np.ndarray) -> np.ndarray:
    """An array of another type or shape than `whole`, or of the same with other values in it."""
    how = draw(st.sampled_from(["type", "shape", "value", "empty", "scalar", "longer"]))
    whole = whole if how == "type" else np.atleast_1d(whole)
    if how == "type":
        target = np.dtype(draw(st.sampled_from(DTYPES)))
        with np.errstate(all="ignore"):
            try:
                return np.asarray(whole).astype(target)
            except (TypeError, ValueError):
                return np.zeros(whole.shape, target)
    if how == "shape":
        return whole[..., None] if draw(st.booleans()) else whole.reshape(-1)
    if how == "empty":
        return whole[:0]
    if how == "scalar":
        return np.array(whole.reshape(-1)[0])
    if how == "longer":
        return np.concatenate([whole, whole[:1]])
    changed, value = whole.copy(), draw(st.sampled_from([-1, 2, 255, 2**40, math.nan, math.inf]))
    with np.errstate(all="ignore"):
        changed.reshape(-1)[draw(st.integers(0, whole.size - 1))] = np.array(value).astype(
            whole.dtype
        )
    return changed


def npy(array: np.ndarray) -> bytes:
    """An array as a `.npy` file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def zipped(
    members: Mapping[str, bytes] | list[tuple[str, bytes]], compressed: bool = True
) -> bytes:
    """A zip archive of these members; a list may hold a name twice."""
    pairs = list(members.items()) if isinstance(members, Mapping) else members
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in pairs:
            archive.writestr(name, content)
    return buffer.getvalue()


@st.composite
def archives(draw: Draw[Any], whole: Mapping[str, np.ndarray]) -> bytes:
    """A `.npz` with a member of another type, damaged, left out, renamed, doubled or put in."""
    members = [(f"{name}.npy", npy(array)) for name, array in whole.items()]
    place = draw(st.integers(0, len(members) - 1))
    name, content = members[place]
    how = draw(st.sampled_from(["array", "damage", "drop", "rename", "double", "add", "swap"]))
    if how == "array":
        members[place] = (name, npy(draw(arrays(list(whole.values())[place]))))
    elif how == "damage":
        members[place] = (name, draw(damaged(content)))
    elif how == "drop":
        del members[place]
    elif how == "rename":
        members[place] = (
            draw(st.sampled_from(["x.npy", "images", "../up.npy", "/a.npy"])),
            content,
        )
    elif how == "double":
        members.append((name, draw(damaged(content))))
    elif how == "add":
        members.append((draw(st.sampled_from(["more.npy", "a/", "notes.txt"])), content))
    elif how == "swap":
        members[place] = (name, members[draw(st.integers(0, len(members) - 1))][1])
    return zipped(members, draw(st.booleans()))


def json_lines(lines: list[Any]) -> bytes:
    """JSON values as a file of one line each."""
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()
