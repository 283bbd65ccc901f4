"""Mistakes on the command line: one line on standard error that says what to do, exit code 2."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Recipe
from reproduce.essay import draws
from reproduce.records import append_lines
from tests.conftest import Refusal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A folder with good and bad files."""
    folder = tmp_path_factory.mktemp("mistakes")
    write_candidates(folder, draws.rmnist(digits, 1))
    write_data(folder)
    (folder / "notes.txt").write_text("not records\n")
    (folder / "full").mkdir()
    (folder / "runs").mkdir()
    (folder / "runs" / "torn.checkpoint").write_bytes(b"PK\x03\x04 torn")
    append_lines(folder / "journal", ["nonsense"])
    if os.name == "posix":
        os.mkfifo(folder / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            here = Path.cwd()
            os.chdir(folder)  # the address of a socket is short
            listening.bind("socket")
            os.chdir(here)
    return folder


def write_candidates(folder: Path, ten: Candidate) -> None:
    """A sound candidate, damaged ones, and one of other data."""
    whole = ten.save(folder / "ten.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.npz").write_text("hello")
    np.savez(folder / "foreign.npz", images=np.zeros((2, 1, 8, 8)), labels=np.zeros(2, int))
    np.savez(folder / "pickled.npz", images=np.array([{}], dtype=object))
    replace(ten, indices=np.arange(10)).save(folder / "moved.npz")
    other = Candidate(
        images=np.zeros((2, 1, 8, 8)),
        labels=np.array([0, 1]),
        name="other",
        method="t",
        dataset="small.npz",
        checksum="0" * 16,
        classes=2,
        recipe=Recipe(model="convnet", width=2),
    )
    other.save(folder / "other.npz")


def write_data(folder: Path) -> None:
    """Own data with which something is wrong each time, but for `small.npz`."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (200, 8, 8), dtype=np.uint8), np.arange(200) % 2
    np.savez(folder / "small.npz", images=images, labels=labels)
    np.savez(folder / "float.npz", images=images * 1.0, labels=labels)
    np.savez(folder / "white.npz", images=255 - images // 4, labels=labels)
    np.savez(folder / "few.npz", images=images[:5], labels=labels[:5])
    np.savez(folder / "unlabelled.npz", images=images)


BAD = {
    "dark ink on white paper": "reproduce baselines --dataset white.npz",
    "indices of other images": "score moved.npz --protocol knn",
    "data that is not there": "score other.npz --protocol knn",
    "unknown command": "scores ten.npz",
    "unknown option": "score ten.npz --protocl knn",
    "not a number": "score ten.npz --seeds many",
    "no seeds": "score ten.npz --seeds 0",
    "missing file": "score missing.npz",
    "damaged candidate": "score cut.npz",
    "not a candidate": "score text.npz",
    "foreign npz": "score foreign.npz",
    "pickle": "score pickled.npz",
    "unknown protocol": "score ten.npz --protocol knnn",
    "unknown split": "score ten.npz --protocol knn --split valid",
    "no recipe of its own": "score ten.npz --protocol own",
    "too many images asked": "score ten.npz --protocol knn --images 100000",
    "several datasets": "score ten.npz other.npz",
    "wrong dataset": "score other.npz --dataset digits",
    "foreign records": "score ten.npz --protocol knn --records notes.txt",
    "records in a place that is a folder": "score ten.npz --protocol knn --records full",
    "missing data": "reproduce baselines --data nowhere",
    "unknown dataset": "reproduce baselines --dataset mnits",
    "damaged own data": "reproduce baselines --dataset cut.npz",
    "own data without labels": "reproduce baselines --dataset unlabelled.npz",
    "own data out of range": "reproduce baselines --dataset float.npz",
    "too few own images": "reproduce baselines --dataset few.npz",
    "unknown experiment": "reproduce everything --dataset digits",
    "unknown draw": "reproduce baselines --dataset digits --draw third",
    "draw larger than the data": "reproduce baselines --dataset digits --n 500",
    "sizes that are no numbers": "reproduce baselines --dataset digits --n one",
    "full data for what has none": "reproduce problems --dataset digits --n 0",
    "unknown backbone": "reproduce transfer --dataset digits --n 1 --backbone resnet19",
    "missing weights": "reproduce transfer --dataset digits --n 1 --weights none.pth",
    "weights that are text": "reproduce transfer --dataset digits --n 1 --weights text.npz",
    "unknown distortion": "score ten.npz --protocol conv+bend=3",
    "images too small for the net": "reproduce conv --dataset small.npz --n 1 --workers 1",
    "unknown method": "search --dataset digits --method magic",
    "pool out of range": "search --dataset digits --pool 7",
    "damaged journal": "search --dataset digits --storage journal",
    "unknown start": "distill --dataset digits --start nothing",
    "damaged checkpoint": "distill --dataset digits --name torn --width 8 --inner-steps 3",
    "report of nothing": "report none",
    "report of nothing that is known": "report full",
    "report of a damaged file": "report cut.npz",
    "show a damaged file": "show cut.npz",
    "compare over several datasets": "compare ten.npz other.npz",
    "compare under nothing": "compare ten.npz ten.npz --protocol knnn",
    "analyse under a proxy": "analyse ten.npz --protocol ridge-conv",
    "a map of a damaged file": "embed cut.npz",
    "curve of one size": "random-curve --dataset digits --n 5",
}

# Names that lead to another folder, and inputs that are no regular files.
BAD |= {
    f"{command} --name {name}": f"{command} --dataset digits --name {name}"
    for command in ("search", "distill")
    for name in ("../up", "a/b", ".", "..", "/abs", "nul", "x" * 300, "\x1b[2J")
}
if os.name == "posix":
    BAD |= {
        f"{option} {place}": f"{option} {place}"
        for option in (
            "score",
            "show",
            "compare ten.npz",
            "report",
            "report ten.npz --update",
            "analyse",
            "final",
            "reproduce baselines --dataset",
            "reproduce transfer --dataset digits --n 1 --weights",
            "score ten.npz --protocol knn --records",
            "search --dataset digits --start-sets",
            "distill --dataset digits --start",
        )
        for place in ("pipe", "/dev/zero", "socket")
        if (option.split()[-1], place) != ("--records", "/dev/zero")  # written into, not read
    }


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_a_mistake_gives_one_line_and_exit_code_2(
    folder: Path, arguments: str, refusal: Refusal
) -> None:
    assert refusal(arguments, folder)
