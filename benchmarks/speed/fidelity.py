"""Cheap versions of protocols: what a score costs, and how well it ranks sets as the full one does.

Every version scores the same sets of ten typical images, a few sets at a time, so that all versions
meet the same load of the machine. The full score reads `validation-a` with one seed; a cheap one
reads training images with another seed, as a search does.
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
from reproduce import Candidate, Oracle, load, protocols
from reproduce.commands.options import WorkersOption
from reproduce.commands.terminal import progress
from reproduce.essay import draws
from reproduce.records import Record
from search.cheap import TABLE, Version, tells
from search.pool import Pool

SCORES = Path("runs/bench-fidelity.jsonl")
MOST_SWAPPED, TOGETHER = 10, 4  # images that differ from the nearest-mean set; sets at a time
SHORT, SMALL, LARGE = (0.02, 0.04, 0.1), 1000, 5000
VERSIONS = {
    "conv": [Version(share, images) for share in SHORT for images in (SMALL, LARGE)],
    "conv-shift1": [Version(share, images) for share in SHORT for images in (SMALL, LARGE)],
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
        )
    ],
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


def fidelity(
    only: Annotated[str, typer.Option(help="Protocols, separated by commas.")] = ",".join(VERSIONS),
    sets: Annotated[int, typer.Option(help="Sets to score under each protocol.")] = 60,
    minutes: Annotated[
        float, typer.Option(help="Begin no more sets of a protocol after so many minutes.")
    ] = 1e6,
    workers: WorkersOption = None,
) -> None:
    """Seconds of cheap versions of protocols, and their rank correlation with the full score."""
    data = load("mnist")
    oracle = Oracle(data, SCORES, workers=workers)
    pool = Pool.typical(data.train, 0.1)
    candidates = [
        draws.real_candidate(data, chosen, name="set", method="set")
        for chosen in typical_sets(pool, sets)
    ]
    rows = [row for row in known() if row["protocol"] not in only.split(",")]
    for protocol in only.split(","):
        rows += measure(oracle, protocol, candidates, minutes)
        write(TABLE.stem, workers=oracle.workers, rows=rows)


def measure(
    oracle: Oracle, protocol: str, candidates: Sequence[Candidate], minutes: float
) -> list[dict[str, Any]]:
    """A row for the full score and for each cheap version of a protocol."""
    begun, scored = time.monotonic(), list[list[Record]]()
    with progress(protocol) as update:
        for start in range(0, len(candidates), TOGETHER):
            if scored and time.monotonic() - begun > 60 * minutes:
                break
            some = candidates[start : start + TOGETHER]
            full = oracle.score_many(some, protocol, [0], "validation-a")
            scored += map(list, zip(full, *cheap_scores(oracle, protocol, some), strict=True))
            update(len(scored), len(candidates))
    accuracies = np.array([[record["accuracy"] for record in row] for row in scored])
    seconds = np.median([[record["seconds"] for record in row] for row in scored], axis=0)
    rows = [{"protocol": protocol, "sets": len(scored), "seconds": float(seconds[0])}]
    for number, version in enumerate(VERSIONS[protocol], start=1):
        rank = correlation(accuracies[:, number, None], accuracies[:, :1])
        each = float(seconds[number])
        own = {"version": asdict(version), "seconds": each, "spearman": rank}
        told = tells(rank[0], each)
        rows.append({"protocol": protocol, "sets": len(scored), **own, "tells": told})
    return rows


def cheap_scores(
    oracle: Oracle, protocol: str, candidates: Sequence[Candidate]
) -> Iterator[list[Record]]:
    """The scores of the sets under each cheap version."""
    recipe = protocols.recipe(protocol, candidates[0])
    assert recipe is not None
    for version in VERSIONS[protocol]:
        cheap = version.fidelity(recipe)
        yield oracle.score_many(candidates, protocol, [1], "train", fidelity=cheap)


def known() -> list[dict[str, Any]]:
    """The rows that were measured before."""
    return json.loads(TABLE.read_text(encoding="utf-8"))["rows"] if TABLE.is_file() else []
