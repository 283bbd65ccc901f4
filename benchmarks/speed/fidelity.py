"""Cheap versions of protocols: what a score costs, and how well it ranks sets as the full one does.

Every version scores the same real sets, a batch of sets at a time as a search does, so that all
versions meet the same load of the machine. Full scores read `validation-a`; a cheap one reads
training images, with another seed. Each batch has seeds and training images of its own, since a
short training from one seed may favour some sets whatever they are worth. Scores are compared less
their batch's mean.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
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
from reproduce.summary import by_candidate
from search import SearchConfig
from search.cheap import TABLE, Version, tells
from search.methods import METHODS
from search.methods.thompson import thompson
from search.task import Task

SCORES = Path("runs/bench-fidelity.jsonl")
TOGETHER = METHODS["thompson"].settings["batch"]  # sets trained together cost less each
SMALL, LARGE = 1000, 5000
# By images per class. Several images of a class differ less from set to set, so that it takes more
# images to tell which set is better, and training on them takes longer than reading these.
VERSIONS = {
    1: {
        "conv": [
            Version(share, images) for share in (0.04, 0.1, 0.25, 0.5) for images in (SMALL, LARGE)
        ],
        "conv-shift1": [
            Version(share, images) for share in (0.02, 0.04, 0.1, 0.25) for images in (SMALL, LARGE)
        ],
        "convnet": [
            Version(share, SMALL, width=width)
            for share, width in (
                (0.04, 32),
                (0.1, 32),
                (0.25, 32),
                (0.04, 64),
                (0.1, 64),
                (0.1, 128),
            )
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
    replicates: Annotated[int, typer.Option(help="Full scores of each set.", min=1)] = 4,
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
        rows += measure(oracle, protocol, ipc, candidates, replicates, minutes)
        write(TABLE.stem, workers=oracle.workers, rows=rows)


def measure(
    oracle: Oracle,
    protocol: str,
    ipc: int,
    candidates: Sequence[Candidate],
    replicates: int,
    minutes: float,
) -> list[dict[str, Any]]:
    """A row for the full score and for each cheap version of a protocol."""
    begun, versions = time.monotonic(), VERSIONS[ipc][protocol]
    scores, taken = list[np.ndarray](), list[np.ndarray]()  # of each batch: (1 + versions, sets)
    with progress(protocol) as update:
        for start in range(0, len(candidates), TOGETHER):
            if scores and time.monotonic() - begun > 60 * minutes:
                break
            some = candidates[start : start + TOGETHER]
            found = batch(oracle, protocol, versions, some, len(scores), replicates)
            scores.append(found[0] - found[0].mean(1, keepdims=True))
            taken.append(found[1])
            update(start + len(some), len(candidates))
    full, *cheap = np.concatenate(scores, axis=1)
    seconds = np.median(np.concatenate(taken, axis=1), axis=1).tolist()
    what = {"protocol": protocol, "ipc": ipc, "sets": len(full), "replicates": replicates}
    rows = [{**what, "seconds": seconds[0]}]
    for version, own, each in zip(versions, cheap, seconds[1:], strict=True):
        rank = correlation(own[:, None], full[:, None])
        told = {"seconds": each, "spearman": rank, "tells": tells(rank[0], each)}
        rows.append({**what, "version": asdict(version), **told})
    return rows


def batch(
    oracle: Oracle,
    protocol: str,
    versions: Sequence[Version],
    candidates: Sequence[Candidate],
    number: int,
    replicates: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and seconds of sets, in full and under each cheap version, (1 + versions, sets)."""
    recipe = protocols.recipe(protocol, candidates[0])
    assert recipe is not None
    first = number * (replicates + 1)
    *seeds, another = range(first, first + replicates + 1)
    scored = [oracle.score_many(candidates, protocol, seeds, "validation-a")]
    for version in versions:
        cheap = replace(version.fidelity(recipe), part=number)
        scored.append(oracle.score_many(candidates, protocol, [another], "train", fidelity=cheap))
    return mean_of(scored, "accuracy"), mean_of(scored, "seconds")


def mean_of(scored: Sequence[Sequence[Record]], name: str) -> np.ndarray:
    """The mean of a number over the replicates of each set, a row for each way to score."""
    sets = [by_candidate(records).values() for records in scored]
    return np.array([[np.mean([record[name] for record in own]) for own in row] for row in sets])


def known() -> list[dict[str, Any]]:
    """The rows that were measured before."""
    return json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if TABLE.is_file() else []
