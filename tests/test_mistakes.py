"""Mistakes on the command line: one line that says what to do, exit code 2, before any work."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analysis.command
import analysis.page.report
from analysis.measure import measures
from distill import estimate
from distill.distiller import Distiller
from reproduce import Candidate, Dataset, Recipe
from reproduce.essay import draws
from reproduce.exchange import pictures
from reproduce.scoring import worker
from reproduce.scoring.network import Network
from reproduce.transfer.autoencoder import Autoencoder
from search import open_study
from tests.conftest import Refusal

# What takes long. It is never reached by a command that has to be refused.
LONG = (
    (worker, "run"),
    (Network, "trained"),
    (Autoencoder, "train"),
    (Distiller, "_turn"),
    (estimate, "update_seconds"),
    (measures, "embedding"),
    (pictures, "read"),
    (analysis.command, "content_of"),
    (analysis.page.report, "content_of"),
)


@pytest.fixture
def nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def computed(*given: object, **named: object) -> None:
        raise AssertionError("refused only after work")

    for owner, name in LONG:
        monkeypatch.setattr(owner, name, computed)


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
    (folder / "journal").write_text("nonsense\n")
    write_places(folder)
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


def write_places(folder: Path) -> None:
    """Places that are taken by something else, and studies of other settings."""
    for taken in ("runs/state.checkpoint", "runs/past.history.json", "runs/unfinished"):
        (folder / taken).mkdir()
    (folder / "rivals").write_text("no folder\n")
    (folder / "page.md").write_text("no tables\n")
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(folder / "picture.png")
    for name in ("other", "free-random"):
        study = open_study(name, folder / "studies.journal")
        study.set_user_attr("settings", {"method": "magic"})


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
    "curve of more images than there are": "random-curve --dataset digits --n 1,500",
    "study of other settings": "search --dataset digits --storage studies.journal --name other",
    "random search of other settings": (
        "search --dataset digits --storage studies.journal --name free"
    ),
    "start sets of another size": "search --dataset digits --ipc 2 --start-sets ten.npz",
    "no kind of database": "search --dataset digits --storage nosql://here",
    "rivals in a file": "search --dataset digits --out new.npz",
    "checkpoint that is a folder": "distill --dataset digits --name state",
    "history that is a folder": "distill --dataset digits --name past",
    "missing weights, of all experiments": "reproduce all --dataset digits --n 1 --weights none",
    "unknown backbone of problems": "reproduce problems --dataset digits --n 1 --backbone vgg11",
    "second candidate under a proxy": "analyse ten.npz ten.npz --protocol ridge-conv",
    "final on an unknown split": "final ten.npz --split valid",
    "second document missing": "report ten.npz --update page.md --update none.md",
    "second picture missing": "read ten.npz picture.png none.png",
    "read by a tree": "read ten.npz picture.png --protocol tree",
}

# Places that cannot be written, because they are folders or lie in files.
BAD |= {
    f"{command} {option} {place}": f"{command} {option} {place}"
    for command, option, places in (
        ("score ten.npz", "--records", ("ten.npz/r.jsonl",)),
        ("compare ten.npz ten.npz", "--records", ("full", "ten.npz/r.jsonl")),
        ("reproduce baselines --dataset digits", "--records", ("full", "ten.npz/r.jsonl")),
        ("final ten.npz", "--records", ("full", "ten.npz/r.jsonl")),
        ("search --dataset digits", "--records", ("full", "ten.npz/r.jsonl")),
        ("search --dataset digits", "--out", ("full", "ten.npz/new.npz")),
        ("search --dataset digits", "--artifacts", ("ten.npz", "ten.npz/new")),
        ("search --dataset digits", "--storage", ("full", "ten.npz/new")),
        ("distill --dataset digits", "--records", ("full", "ten.npz/r.jsonl")),
        ("distill --dataset digits", "--out", ("full", "ten.npz/new.npz")),
        ("analyse ten.npz", "--records", ("full", "ten.npz/r.jsonl")),
        ("analyse ten.npz", "--out", ("ten.npz", "ten.npz/new")),
        ("embed ten.npz", "--out", ("ten.npz", "ten.npz/new")),
        ("random-curve --dataset digits", "--records", ("full", "ten.npz/r.jsonl")),
        ("random-curve --dataset digits", "--out", ("ten.npz", "ten.npz/new")),
        ("report ten.npz", "--out", ("ten.npz", "ten.npz/new")),
        ("report ten.npz", "--gallery", ("ten.npz", "ten.npz/new")),
        ("study other --storage studies.journal", "--export", ("ten.npz", "ten.npz/new")),
        ("import full --dataset digits", "--out", ("full", "ten.npz/new.npz")),
        ("demo --dataset digits", "--out", ("ten.npz", "ten.npz/new")),
    )
    for place in places
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


@pytest.mark.usefixtures("nothing_is_computed")
@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_a_mistake_gives_one_line_and_exit_code_2(
    folder: Path, arguments: str, refusal: Refusal
) -> None:
    assert refusal(arguments, folder)


def test_images_too_small_for_a_network_are_refused_where_it_is_built(
    folder: Path, refusal: Refusal
) -> None:
    told = refusal("reproduce conv --dataset small.npz --n 1 --workers 1", folder)
    assert "too small for conv" in told
