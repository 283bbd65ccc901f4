"""Hostile input through the real commands: one line that says what to do, and exit code 2."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Recipe
from reproduce.essay import draws
from reproduce.support import candidate_file
from tests.conftest import Refusal
from tests.mutation import npy, zipped

pytestmark = pytest.mark.skipif(os.name == "nt", reason="makes pipes and names of escapes")
LEARNED = Recipe(model="convnet", width=4, depth=1, epochs=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A folder of hostile files, and of `ten.npz` and `own.npz`, which are sound."""
    folder = tmp_path_factory.mktemp("hostile")
    ten = draws.rmnist(digits, 1)
    write_archives(folder, ten)
    write_fields(folder, ten)
    (folder / "folder.npz").mkdir()
    (folder / "a\x1b[31mb.npz").write_text("x")
    (folder / "a[bold]b.npz").write_text("x")
    os.mkfifo(folder / "pipe.npz")
    return folder


def write_archives(folder: Path, ten: Candidate) -> None:
    """Archives that are damaged, or hold other arrays than they should."""
    whole = ten.save(folder / "ten.npz").read_bytes()
    with np.load(folder / "ten.npz") as file:
        members = {f"{name}.npy": npy(file[name]) for name in file.files}
    labels = {
        "bomb": np.zeros((2**20, 40)),
        "text": np.array(list("0123456789")),
        "complex": ten.labels * 1j,
        "pickled": ten.labels.astype(object),
    }
    contents = {
        "empty": b"",
        "cut": whole[:-100],
        "flipped": whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        "lost": zipped({name: m for name, m in members.items() if name != "indices.npy"}),
        "twice": zipped([*members.items(), *members.items()]),
        "stranger": zipped({**members, "\x1b[2J.npy": b""}),
        **{name: zipped({**members, "labels.npy": npy(odd)}) for name, odd in labels.items()},
    }
    for name, content in contents.items():
        (folder / f"{name}.npz").write_bytes(content)


def write_fields(folder: Path, ten: Candidate) -> None:
    """Candidates whose fields, or whose recipe's fields, hold what they may not."""
    own = replace(ten, recipe=LEARNED)
    own.save(folder / "own.npz")
    fields: dict[str, dict[str, Any]] = {
        "listed": {"dataset": ["mnist"]},
        "escaped": {"name": "a\x1b[2J"},
        "broken": {"name": "\ud800"},
        "seeded": {"seeds": {"a": 1}},
        "classless": {"classes": "ten"},
    }
    recipes: dict[str, dict[str, Any]] = {
        "deskewed": {"deskew": 1.5},
        "endless": {"epochs": 10**12},
        "deep": {"depth": 10**9},
        "thin": {"width": 0},
        "heavy": {"weight_decay": -1e9},
        "huge": {"model": "mlp", "width": 4096, "depth": 64, "ensemble": 50},
    }
    metas = {
        "hashless": {name: value for name, value in ten.meta().items() if name != "hash"},
        **{name: {**ten.meta(), **changes} for name, changes in fields.items()},
        **{
            name: {**own.meta(), "recipe": {**LEARNED.to_dict(), **changes}}
            for name, changes in recipes.items()
        },
    }
    arrays = {"images": ten.images, "labels": ten.labels, "indices": ten.indices}
    for name, meta in metas.items():
        (folder / f"{name}.npz").write_bytes(candidate_file.packed(arrays, meta))


HOSTILE = {
    "a file that is not there": ("show none.npz", "none.npz: cannot be read"),
    "an empty file": ("show empty.npz", "not a readable candidate file"),
    "a folder": ("show folder.npz", "folder.npz: cannot be read"),
    "a pipe that nobody writes to": ("score pipe.npz", "give a regular file"),
    "half a file": ("show cut.npz", "not a readable candidate file"),
    "a flipped bit": ("show flipped.npz", "flipped.npz: not a readable candidate file"),
    "a real set without its indices": ("score lost.npz", "does not match its digest"),
    "arrays that are there twice": ("show twice.npz", "holds images twice"),
    "an array with an escape for a name": ("show stranger.npz", r"holds '\x1b[2J.npy'"),
    "an archive that unpacks to gigabytes": ("show bomb.npz", "labels unpacks to 335,544,"),
    "labels that are text": ("score text.npz", "labels: of type <U1, expected whole numbers"),
    "labels that are complex": ("score complex.npz", "labels: of type complex128, expected whole"),
    "labels that are pickled": ("score pickled.npz", "holds pickled objects, which are never"),
    "a set without hash": ("show hashless.npz", "lacks hash; make or fetch it again"),
    "a dataset that is a list": ("show listed.npz", "dataset is ['mnist'], it must be a text"),
    "a name that clears the screen": ("show escaped.npz", r"is 'a\x1b[2J'; leave the unprintable"),
    "half a character as a name": ("show broken.npz", r"name is '\ud800'; leave the unprintable"),
    "seeds that are an object": ("show seeded.npz", "seeds is {'a': 1}, use a list"),
    "classes that are a word": ("show classless.npz", "classes is 'ten', use a whole number"),
    "deskew of 1.5": ("show deskewed.npz", "recipe: deskew is 1.5, use true or false"),
    "epochs without end": ("show endless.npz", "recipe: epochs is 1000000000000, use a whole"),
    "a billion blocks": ("show deep.npz", "recipe: depth is 1000000000, use a whole number"),
    "a width of 0": ("show thin.npz", "recipe: width is 0, use a whole number from 1 to 4,096"),
    "a negative weight decay": ("show heavy.npz", "weight_decay is -1000000000.0, use a number"),
    "networks of a terabyte": ("show huge.npz", "recipe: one replicate takes about"),
    "a path with an escape": ("show a\x1b[31mb.npz", r"error: a\x1b[31mb.npz: not a readable"),
    "a path with markup": ("show a[bold]b.npz", "error: a[bold]b.npz: not a readable candidate"),
    "a protocol without a name": ("score ten.npz --protocol=", "unknown protocol ''"),
    "a mixture of nothing": ("score ten.npz --protocol &", "unknown protocol ''"),
    "half a mixture": ("score ten.npz --protocol knn&", "unknown protocol ''"),
    "a mixture of a thousand": (
        f"score ten.npz --protocol {'&'.join(['knn'] * 200)}",
        "a mixture of 200 protocols; use 20 at most",
    ),
    "a protocol of a book's length": (
        f"score ten.npz --protocol {'x' * 2000}",
        "protocol has 2000 characters, use 0 to 1000",
    ),
    "a protocol with an escape": ("score ten.npz --protocol a\x1b[2Jb", "leave the unprintable"),
    "a rotation that is no number": (
        "score ten.npz --protocol conv+rotate=nan",
        "distortion: rotate is nan, use a number from 0 to 180",
    ),
    "a shift by a billion": (
        "score ten.npz --protocol conv+shift=1e9",
        "distortion: shift is 1000000000.0, use a number from 0 to 256",
    ),
    "an endless shift": ("score ten.npz --protocol conv+shift=inf", "shift is inf, use a number"),
    "a negative shift": ("score ten.npz --protocol conv+shift=-1", "shift is -1.0, use a number"),
    "a distortion without a name": ("score ten.npz --protocol conv+", "unknown distortion ''"),
    "a distortion given twice": (
        "score ten.npz --protocol conv+rotate=1+rotate=2",
        "distortion rotate is given twice",
    ),
    "a policy with markup": ("score ten.npz --protocol conv+policy=[b]", "policy is '[b]', use"),
    "a mixture with a proxy": ("score ten.npz --protocol knn&ridge-conv", "gives no probabilities"),
    "a distorted tree": ("score ten.npz --protocol tree+rotate=3", "tree trains no network"),
    "a seed beyond 32 bits": (
        "score ten.npz --protocol tree --first-seed 4294967296",
        "seeds is 4294967296, use a whole number from 0 to 4,294,967,295",
    ),
    "a seed of a hundred digits": (
        f"score ten.npz --protocol tree --first-seed {10**100}",
        "use a whole number from 0 to 4,294,967,295",
    ),
    "a negative seed": ("score ten.npz --first-seed -1", "Invalid value for '--first-seed'"),
    "seeds without end": ("score ten.npz --seeds 1000000000", "Invalid value for '--seeds'"),
    "a final reading without end": (
        f"final ten.npz --seeds {10**20}",
        "use a whole number from 1 to 100,000",
    ),
    "an analysis under no protocol": ("analyse ten.npz --protocol=", "unknown protocol"),
    "epochs of what has none": (
        "score ten.npz --protocol knn --epochs 5",
        "knn trains no network, so it takes no epochs",
    ),
    "epochs of a search under what has none": (
        "search --dataset digits --protocol knn --epochs 5",
        "knn trains no network, so it takes no epochs",
    ),
    "no images": (
        "score ten.npz --protocol knn --images 0",
        "images is 0, use a whole number from 1",
    ),
    "half an image": ("score ten.npz --protocol knn --images 1.5", "Invalid value for '--images'"),
    "no epochs": (
        "score ten.npz --protocol conv --epochs 0",
        "epochs is 0, use a whole number from 1",
    ),
    "no workers": (
        "score ten.npz --protocol tree --workers 0",
        "workers is 0, use a whole number from 1",
    ),
    "a split with an escape": ("score ten.npz --split a\x1b[2J", r"unknown split 'a\x1b[2J'"),
    "a dataset without a name": ("score ten.npz --dataset=", "dataset has 0 characters"),
    "data in no folder": ("reproduce knn --data=", "data has 0 characters"),
    "a budget that is no time": ("search --dataset digits --budget nans", "give more than 0"),
    "a budget without end": ("search --dataset digits --budget infh", "ten years at most"),
    "a search with a negative seed": (
        "search --dataset digits --seed -1",
        "search: seed is -1, use a whole number from 0",
    ),
    "a search in endless batches": (
        f"search --dataset digits --batch {10**20}",
        "use a whole number from 1 to 10,000",
    ),
    "random sets without end": (
        f"search --dataset digits --random-sets {10**20}",
        "random_sets is 1000",
    ),
    "epochs that no record can hold": (
        f"score ten.npz --epochs {10**20}",
        "epochs is 100000000000000000000, use a whole number",
    ),
    "threads without end": (
        f"distill --dataset digits --threads {10**20}",
        "Invalid value for '--threads'",
    ),
    "a negative split seed": ("reproduce baselines --dataset digits --split-seed -1", "split seed"),
    "images a class below nothing": (
        "reproduce baselines --dataset digits --n -1",
        "images per class is -1, use a whole",
    ),
    "a set compared with nothing": ("compare ten.npz empty.npz", "empty.npz: not a readable"),
    "a map of a bomb": ("embed bomb.npz", "bomb.npz: not a readable candidate file"),
    "measures of a set without hash": ("analyse hashless.npz", "hashless.npz: lacks hash"),
    "a report of a bomb": ("report bomb.npz", "bomb.npz: not a readable candidate file"),
    "an option of bytes": ("show ten.npz --out \x00", "null"),
    "an unknown command with an escape": ("\x1b[2J", r"No such command '\x1b[2J'"),
}


@pytest.mark.parametrize(("arguments", "line"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_gives_one_line_and_exit_code_2(
    folder: Path, arguments: str, line: str, refusal: Refusal
) -> None:
    assert line in refusal(arguments, folder)
