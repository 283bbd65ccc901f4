"""Cheap versions of protocols: what a score costs, and how well it ranks sets as the full one does.

Every version scores the same real sets, a few sets at a time, so that all versions meet the same
load of the machine. The full score reads `validation-a` with one seed; a cheap one reads training
images with another seed, as a search does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.rows import write
from benchmarks.speed.proxies import correlation
from reproduce import Candidate, Oracle, UserError, load, protocols
from reproduce.commands.options import WorkersOption
from reproduce.commands.terminal import progress
from reproduce.essay import draws
from reproduce.records import Record
from search import SearchConfig
from search.cheap import TABLE, Version, tells
from search.methods import METHODS
from search.methods.thompson import thompson
from search.pool import Pool
from search.task import Task

SCORES = Path("runs/bench-fidelity.jsonl")
MOST_SWAPPED = 10  # images of a typical set that differ from the nearest-mean set
TOGETHER = METHODS["thompson"].settings["batch"]  # sets trained together cost less each
SMALL, LARGE = 1000, 5000
# By images per class. Several images of a class differ less from set to set, so that it takes more
# images to tell which set is better, and training on them takes longer than reading these.
VERSIONS = {
    1: {
        protocol: [Version(share, images) for share in shares for images in (SMALL, LARGE)]
        for protocol, shares in (
            ("conv", (0.04, 0.1, 0.25, 0.5)),
            ("conv-shift1", (0.02, 0.04, 0.1, 0.25)),
        )
    }
    | {
        "convnet": [
            Version(share, SMALL, width=width)
            for share, width in ((0.04, 32), (0.1, 32), (0.04, 64), (0.1, 64))
        ],
        "best": [
            Version(share, images, members=1, width=width)
            for share, images, width in (
                (0.05, SMALL, 32),
                (0.1, SMALL, 16),
                (0.1, SMALL, 32),
                (0.2, 2 * SMALL, 16),
                (0.2, 2 * SMALL, 32),
                (0.5, 2 * SMALL, 32),
            )
        ],
    },
    10: {  # the last row says how much one full score tells of another
        protocol: [Version(share, LARGE) for share in (0.02, 0.04, 0.1, 0.25, 0.5, 1.0)]
        for protocol in ("conv", "conv-shift1")
    },
}


def typical_sets(pool: Pool, count: int) -> list[np.ndarray]:
    """The images nearest to their class's mean, with 1 to 10 of them swapped for typical ones."""
    rng = np.random.default_rng(5)
    base = np.array([members[0] for members in pool.members])
    sets = []
    for number in range(count):
        chosen = base.copy()
        for label in rng.choice(10, 1 + number % MOST_SWAPPED, replace=False):
            chosen[label] = rng.choice(pool.members[label])
        sets.append(chosen)
    return sets


def first_sets(oracle: Oracle, ipc: int, count: int) -> list[np.ndarray]:
    """The first sets of a search by `thompson`: k-means medoids, mixed class by class.

    A search compares good sets. Versions that tell good sets from bad ones may not tell the better
    of two good ones, so that sets which differ more would show them too favourably.
    """
    return thompson(Task(oracle, SearchConfig(ipc=ipc, seed=5)).view(), count)


def fidelity(
    only: Annotated[
        str, typer.Option(help="Protocols, separated by commas. Default: all that are known.")
    ] = "",
    ipc: Annotated[int, typer.Option(help="Images per class: 1 or 10.")] = 1,
    sets: Annotated[int, typer.Option(help="Sets to score under each protocol.")] = 60,
    minutes: Annotated[
        float, typer.Option(help="Begin no more sets of a protocol after so many minutes.")
    ] = 1e6,
    workers: WorkersOption = None,
) -> None:
    """Seconds of cheap versions of protocols, and their rank correlation with the full score."""
    if ipc not in VERSIONS:
        sizes = " or ".join(map(str, VERSIONS))
        raise UserError(f"--ipc {ipc}: no cheap versions are named for it, use {sizes}")
    data = load("mnist")
    oracle = Oracle(data, SCORES, workers=workers)
    candidates = [
        draws.real_candidate(data, indices, name="set", method="set")
        for indices in first_sets(oracle, ipc, sets)
    ]
    chosen = only.split(",") if only else list(VERSIONS[ipc])
    rows = [row for row in known() if row["ipc"] != ipc or row["protocol"] not in chosen]
    for protocol in chosen:
        rows += measure(oracle, protocol, ipc, candidates, minutes)
        write(TABLE.stem, workers=oracle.workers, rows=rows)


def measure(
    oracle: Oracle, protocol: str, ipc: int, candidates: Sequence[Candidate], minutes: float
) -> list[dict[str, Any]]:
    """A row for the full score and for each cheap version of a protocol."""
    begun, scored, versions = time.monotonic(), list[list[Record]](), VERSIONS[ipc][protocol]
    with progress(protocol) as update:
        for start in range(0, len(candidates), TOGETHER):
            if scored and time.monotonic() - begun > 60 * minutes:
                break
            some = candidates[start : start + TOGETHER]
            full = oracle.score_many(some, protocol, [0], "validation-a")
            scored += map(
                list, zip(full, *cheap_scores(oracle, protocol, versions, some), strict=True)
            )
            update(len(scored), len(candidates))
    accuracies = np.array([[record["accuracy"] for record in row] for row in scored])
    seconds = np.median([[record["seconds"] for record in row] for row in scored], axis=0)
    what = {"protocol": protocol, "ipc": ipc, "sets": len(scored)}
    rows = [{**what, "seconds": float(seconds[0])}]
    for number, version in enumerate(versions, start=1):
        rank = correlation(accuracies[:, number, None], accuracies[:, :1])
        each = float(seconds[number])
        own = {"version": asdict(version), "seconds": each, "spearman": rank}
        told = tells(rank[0], each)
        rows.append({**what, **own, "tells": told})
    return rows


def cheap_scores(
    oracle: Oracle, protocol: str, versions: Sequence[Version], candidates: Sequence[Candidate]
) -> Iterator[list[Record]]:
    """The scores of the sets under each cheap version."""
    recipe = protocols.recipe(protocol, candidates[0])
    assert recipe is not None
    for version in versions:
        cheap = version.fidelity(recipe)
        yield oracle.score_many(candidates, protocol, [1], "train", fidelity=cheap)


def known() -> list[dict[str, Any]]:
    """The rows that were measured before."""
    return json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if TABLE.is_file() else []
