"""The search: how well cheap scores and its proxy rank, its stages' speed, and what batches gain.

`python -m benchmarks.speed.search fidelity|rank|stages|swap` writes
`results/benchmarks/search-PART.json`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.rows import write
from benchmarks.speed.fidelity import fidelity
from benchmarks.speed.machine import seconds, timed
from benchmarks.speed.proxies import correlation
from reproduce import Candidate, Dataset, Fidelity, Oracle, load, protocols
from reproduce.commands.application import application, run
from reproduce.commands.options import WorkersOption
from reproduce.commands.terminal import progress
from reproduce.essay import draws
from reproduce.scoring.ridge_proxy import PoolKernel, Ridge
from search import METHODS, Pool, SearchConfig, search
from search.methods import staged
from search.proxy.kernel import trained_proxy
from search.proxy.swaps import Proxy
from search.task import Task

SCORES = Path("runs/bench-search.jsonl")
JOURNAL = Path("runs/bench-search.storage.journal")
PROTOCOL = "conv-shift1"
SETS = 160
MOST_SWAPPED = 10  # images of a typical set that differ from the nearest-mean set
LOW = Fidelity(images=2500, epochs=100)
CLIMBS, SIFTED = 6, 24


def rank(workers: WorkersOption = None) -> None:
    """Rank correlations of the proxies with the oracle at low fidelity, and sets a second."""
    data = load("mnist")
    torch.set_num_threads(1)
    pool = Pool.typical(data.train, 0.1)
    sets = typical_sets(pool, SETS)
    truth = oracle_scores(data, sets, workers)
    start = candidate(data, np.array([members[0] for members in pool.members]), "nearest mean")
    images, positions = np.unique(sets, return_inverse=True)
    positions = positions.reshape(len(sets), -1)
    proxy, kernel = proxies(data, start, images)
    targets = start.targets()
    plain, solving = timed(lambda: [[kernel.accuracy(chosen, targets)] for chosen in positions])
    ours = [[proxy.accuracy(chosen)] for chosen in positions]
    write(
        "search-rank",
        sets=SETS,
        protocol=PROTOCOL,
        spearman={
            "ridge-conv": correlation(np.array(plain), truth),
            "trained": correlation(np.array(ours), truth),
            "one seed": correlation(truth[:, :1], truth[:, 1:]),
        },
        sets_per_second={
            "ridge-conv": SETS / solving,
            "trained": 1 / seconds_per_swap(proxy, positions[0]),
        },
    )


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


def oracle_scores(data: Dataset, sets: list[np.ndarray], workers: int | None) -> np.ndarray:
    """Accuracies (sets, 2) of two seeds at low fidelity."""
    candidates = [candidate(data, chosen, "set") for chosen in sets]
    oracle = Oracle(data, SCORES, workers=workers)
    with progress("oracle") as update:
        records = oracle.score_many(
            candidates, PROTOCOL, range(2), "validation-a", fidelity=LOW, progress=update
        )
    return np.array([record["accuracy"] for record in records]).reshape(len(sets), -1)


def proxies(data: Dataset, start: Candidate, images: np.ndarray) -> tuple[Proxy, PoolKernel]:
    """The proxies, trained and untrained, of sets made of images, scored on 3,000 others."""
    rest = np.setdiff1d(np.arange(len(data.train)), images)
    scoring = data.train.take(np.random.default_rng(0).choice(rest, 3000, replace=False))
    recipe, ridge = protocols.recipe(PROTOCOL, start), protocols.learner("ridge-conv", start)
    assert recipe is not None
    assert isinstance(ridge, Ridge)
    pool = data.train.take(images)
    kernel = PoolKernel.build(ridge, pool.images, scoring.images, scoring.labels)
    return trained_proxy(recipe, start, pool, scoring, nets=6, seed=0), kernel


def seconds_per_swap(proxy: Proxy, chosen: np.ndarray) -> float:
    """Seconds for one set, when all images of a class are tried in the place of one image."""
    others = np.setdiff1d(np.flatnonzero(proxy.classes == proxy.classes[chosen[0]]), chosen)
    others = np.resize(others, 256)
    return min(seconds(lambda: proxy.swaps(chosen, 0, others)) for _ in range(5)) / len(others)


def candidate(data: Dataset, indices: np.ndarray, name: str) -> Candidate:
    """A set as a candidate."""
    return draws.real_candidate(data, indices, name=name, method=name)


@dataclass(frozen=True, eq=False)
class Counted(Proxy):
    """A proxy that notes how many sets it scores."""

    scored: list[int] = field(default_factory=list)

    def swaps(self, chosen: np.ndarray, slot: int, images: np.ndarray) -> np.ndarray:
        self.scored.append(len(images))
        return super().swaps(chosen, slot, images)


def stages(
    ipc: Annotated[str, typer.Option(help="Images per class, separated by commas.")] = "1,5,10",
    protocol: str = PROTOCOL,
    workers: WorkersOption = None,
) -> None:
    """Sets and replicates a second in each stage of `staged`."""
    data = load("mnist")
    oracle = Oracle(data, workers=workers)
    oracle.score(draws.rmnist(data, 1), protocol, range(2), fidelity=LOW)  # compiles, once
    rows = [row for size in ipc.split(",") for row in stages_at(oracle, protocol, int(size))]
    write("search-stages", protocol=protocol, workers=oracle.workers, rows=rows)


def stages_at(oracle: Oracle, protocol: str, ipc: int) -> list[dict[str, Any]]:
    """Seconds, sets and replicates of each stage of one round."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    view = Task(oracle, SearchConfig(ipc=ipc, protocol=protocol, method="staged")).view()
    start = METHODS["nearest-mean"].propose(view, 1)[0]
    images = np.union1d(staged.shortlist(view, rng), start)
    positions = np.searchsorted(images, start)
    proxy, trained = timed(lambda: staged.proxy_for(view, start, images, rng))
    proxy.swaps(positions, 0, positions[:1])  # compiles
    counted = Counted(**vars(proxy))
    found, explored = timed(lambda: staged.explore(counted, positions, CLIMBS, rng))
    proposed = [view.pool.canonical(images[list(chosen)]) for chosen in found[:SIFTED]]
    sets = [candidate(oracle.data, chosen, "set") for chosen in proposed]

    def scored(stage: str, sets: list[Candidate], fidelity: Fidelity) -> dict[str, Any]:
        score = partial(oracle.score_many, sets, protocol, range(2), view.split, fidelity=fidelity)
        records, taken = timed(score)
        return row(stage, taken, len(sets), len(records))

    def row(stage: str, seconds: float, sets: int, replicates: int = 0) -> dict[str, Any]:
        measured = {"seconds": seconds, "sets": sets, "replicates": replicates}
        return {"stage": stage, "ipc": ipc, **measured}

    return [
        row("a proxy is trained", trained, 0),
        row("the proxy explores", explored, sum(counted.scored)),
        scored("the oracle sifts", sets, staged.low(view)),
        scored("the oracle decides", sets[: SIFTED // 2], view.fidelity),
    ]


def swap(
    sets: Annotated[int, typer.Option(help="Number of sets that the batched search scores.")] = 96,
    protocol: str = "conv",
    workers: WorkersOption = None,
) -> None:
    """Wall time to the same best score: batches of 16 against one set at a time, in one run."""
    data = load("mnist")
    ways: dict[str, dict] = {}
    goal = 0.0
    for name, batch, budget in (("batches of 16", 16, sets), ("one at a time", 1, 16 * sets)):
        config = SearchConfig(protocol=protocol, method="swap", budget=str(budget), batch=batch)
        study = f"swap {protocol} {batch} {time.time()}"
        curve: list[tuple[int, float, float]] = []
        oracle = Oracle(data, workers=workers)
        with progress(name) as update:
            for state in search(oracle, config, study, JOURNAL):
                curve.append((state.done, round(state.elapsed, 2), round(state.best, 3)))
                update(state.done, budget, state.note())
                if goal and state.best >= goal:
                    break
        goal = goal or state.best
        ways[name] = {"reached": first_at(curve, goal), "curve": curve}
    write("search-swap", protocol=protocol, workers=oracle.workers, best=goal, ways=ways)


def first_at(curve: list[tuple[int, float, float]], goal: float) -> tuple[int, float, float] | None:
    """The first point (sets, seconds, best score) that reached the goal; None where none did."""
    return next((point for point in curve if point[2] >= round(goal, 3)), None)


if __name__ == "__main__":
    run(application(fidelity, rank, stages, swap, help="Measure the search."))
