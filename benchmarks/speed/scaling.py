"""What scores and a search cost as work grows: seconds and memory.

Random sets of real images are scored under `conv`: ever more of them, larger ones, and by more
workers. Then searches score ever more sets. Each row is measured in a process of its own, from the
loading of the data to the last score, so that the start of the workers counts. Networks are trained
for few epochs and read few images, so that a thousand sets take minutes.
`python -m benchmarks.speed.scaling` writes `results/benchmarks/scaling.json`.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.tables.oracle import scaling as table
from benchmarks.rows import FOLDER, write
from benchmarks.speed.machine import Memory, in_a_fresh_process, timed
from benchmarks.speed.oracle import random_sets
from reproduce import Fidelity, Oracle, load
from reproduce.commands.application import application, run
from reproduce.commands.terminal import progress, say
from reproduce.support.threads import cores
from search import SearchConfig, search

PROTOCOL, LOW = "conv", Fidelity(images=2000, epochs=100)
CANDIDATES, MANY = (1, 10, 100, 1000), 100  # the number where workers differ
IPCS, FEW = (1, 5, 10, 50, 100), 10  # the number where sizes differ
METHODS = ("random", "thompson")


def scores(candidates: int, ipc: int, workers: int) -> dict[str, float]:
    """Seconds and MiB of so many scores, a network each."""

    def scored() -> None:
        data = load("mnist")
        sets = random_sets(data, ipc, candidates)
        Oracle(data, workers=workers, device="cpu").score_many(sets, PROTOCOL, [0], fidelity=LOW)

    with Memory() as memory:
        taken = timed(scored)[1]
    return {"seconds": taken, "mib": memory.mib}


def searched(method: str, sets: int, workers: int) -> list[tuple[int, float, float]]:
    """Sets scored so far, seconds and MiB after every batch of a search."""
    config = SearchConfig(
        protocol=PROTOCOL, method=method, budget=str(sets), search_seeds=1, epochs=LOW.epochs,
        images=LOW.images,
    )  # fmt: skip
    curve = []
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        oracle = Oracle(load("mnist"), workers=workers, device="cpu")
        for state in search(oracle, config, method, Path(folder) / "studies.journal"):
            curve.append((state.done, state.elapsed, memory.mib))
    return curve


def cases(most: int) -> list[tuple[str, int, dict[str, int]]]:
    """What grows, how far, and the work of each row."""
    usual = {"candidates": min(MANY, most), "ipc": 1, "workers": cores()}
    fewer = {**usual, "candidates": min(FEW, most)}
    workers = dict.fromkeys((1, 2, cores()))
    return [
        *(("candidates", n, {**usual, "candidates": n}) for n in CANDIDATES if n <= most),
        *(("images per class", n, {**fewer, "ipc": n}) for n in IPCS),
        *(("workers", n, {**usual, "workers": n}) for n in workers if n <= cores()),
    ]


def measure(
    most: Annotated[
        int, typer.Option(help="Largest number of candidates, and of a search's sets.", min=1)
    ] = CANDIDATES[-1],
) -> None:
    """Measure all rows and the searches, write the JSON file, print the table."""
    measured: dict[str, list[dict[str, Any]]] = {"rows": [], "searches": []}
    work = cases(most)
    in_a_fresh_process(scores, 2, 1, 1)  # compiles, once
    with progress("scaling") as update:

        def add(part: str, row: dict[str, Any], note: str) -> None:
            measured[part].append(row)
            write("scaling", protocol=PROTOCOL, fidelity=asdict(LOW), **measured)
            done = sum(map(len, measured.values()))
            update(done, len(work) + len(METHODS), note)

        for what, size, settings in work:
            found = in_a_fresh_process(scores, *settings.values())
            row = {"what": what, "size": size, **settings, **found}
            add("rows", row, f"{what} {size}: {found['seconds']:.1f} s")
        for method in METHODS:
            curve = in_a_fresh_process(searched, method, most, cores())
            add("searches", {"method": method, "curve": curve}, f"search, {method}")
    say(table(FOLDER.parent))


if __name__ == "__main__":
    run(application(measure, help="Measure what scores and a search cost as work grows."))
