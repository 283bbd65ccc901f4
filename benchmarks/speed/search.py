"""The search measured: how its proxy ranks, its stages' speed, its batches against a plain loop.

`python -m benchmarks.speed.search rank|stages|swap` writes `results/benchmarks/search-PART.json`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks.speed.proxies import correlation
from reproduce import Candidate, Dataset, Fidelity, Oracle, load, protocols
from reproduce.commands.application import application, run
from reproduce.commands.options import WorkersOption
from reproduce.commands.terminal import progress
from reproduce.essay import draws
from reproduce.scoring.ridge_proxy import PoolKernel, Ridge
from reproduce.support import provenance
from reproduce.support.files import write_whole
from search import METHODS, Pool, SearchConfig, search
from search.methods import staged
from search.proxy.kernel import trained_proxy
from search.proxy.swaps import Proxy
from search.task import Task

OUT = Path("results/benchmarks")
SCORES = Path("runs/bench-search.jsonl")
JOURNAL = Path("runs/bench-search.storage.journal")
PROTOCOL = "conv-shift1"
SETS, MOST_SWAPPED = 160, 10
LOW = Fidelity(images=2500, epochs=100)
CLIMBS, SIFTED = 6, 24


def write(part: str, content: dict) -> None:
    """Write one part's results, with versions and commit."""
    facts = {"versions": provenance.versions(), "commit": provenance.commit()}
    write_whole(OUT / f"search-{part}.json", json.dumps({**content, **facts}, indent=1).encode())


def typical_sets(pool: Pool) -> list[np.ndarray]:
    """The images nearest to their class's mean, with 1 to 10 of them swapped for typical ones."""
    rng = np.random.default_rng(5)
    base = np.array([members[0] for members in pool.members])
    sets = []
    for number in range(SETS):
        chosen = base.copy()
        for label in rng.choice(10, 1 + number % MOST_SWAPPED, replace=False):
            chosen[label] = rng.choice(pool.members[label])
        sets.append(chosen)
    return sets


def rank(workers: WorkersOption = None) -> None:
    """Rank correlations of the proxies with the oracle at low fidelity, and sets a second."""
    data = load("mnist")
    torch.set_num_threads(1)
    pool = Pool.typical(data.train, 0.1)
    sets = typical_sets(pool)
    candidates = [candidate(data, chosen, "set") for chosen in sets]
    oracle = Oracle(data, SCORES, workers=workers)
    with progress("oracle") as update:
        records = oracle.score_many(
            candidates, PROTOCOL, range(2), "validation-a", fidelity=LOW, progress=update
        )
    truth = np.array([record["accuracy"] for record in records]).reshape(SETS, -1)
    images, places = np.unique(sets, return_inverse=True)
    places = places.reshape(len(sets), -1)
    rest = np.setdiff1d(np.arange(len(data.train)), images)
    scoring = data.train.take(np.random.default_rng(0).choice(rest, 3000, replace=False))
    start = candidate(data, np.array([members[0] for members in pool.members]), "nearest mean")
    recipe, ridge = protocols.recipe(PROTOCOL, start), protocols.learner("ridge-conv", start)
    assert recipe is not None
    assert isinstance(ridge, Ridge)
    taught = data.train.take(images)
    proxy = trained_proxy(recipe, start, taught, scoring, nets=6, seed=0)
    kernel = PoolKernel.build(ridge, taught.images, scoring.images, scoring.labels)
    targets = start.targets()
    begun = time.perf_counter()
    plain = np.array([[kernel.accuracy(place, targets)] for place in places])
    per_solve = (time.perf_counter() - begun) / SETS
    ours = np.array([[proxy.accuracy(place)] for place in places])
    per_swap = seconds_per_swap(proxy, places[0])
    write(
        "rank",
        {
            "sets": SETS,
            "protocol": PROTOCOL,
            "spearman": {
                "ridge-conv": correlation(plain, truth),
                "trained": correlation(ours, truth),
                "one seed": correlation(truth[:, :1], truth[:, 1:]),
            },
            "sets_per_second": {"ridge-conv": 1 / per_solve, "trained": 1 / per_swap},
        },
    )


def seconds_per_swap(proxy: Proxy, chosen: np.ndarray) -> float:
    """Seconds for one set, where all images of a class are tried in one place."""
    others = np.setdiff1d(np.flatnonzero(proxy.classes == proxy.classes[chosen[0]]), chosen)
    others = np.resize(others, 256)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        proxy.swaps(chosen, 0, others)
        times.append(time.perf_counter() - begun)
    return min(times) / len(others)


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
    rows = [row for n in ipc.split(",") for row in stages_at(oracle, protocol, int(n))]
    write("stages", {"protocol": protocol, "workers": oracle.workers, "rows": rows})


def stages_at(oracle: Oracle, protocol: str, ipc: int) -> list[dict]:
    """The stages one by one, on a round's sets."""
    torch.set_num_threads(1)
    config = SearchConfig(ipc=ipc, protocol=protocol)
    view = Task(oracle, config).view()
    rng = np.random.default_rng(0)
    start = METHODS["nearest-mean"].propose(view, 1)[0]
    images = np.union1d(staged.shortlist(view, rng), start)
    begun = time.perf_counter()
    proxy = staged.proxy_for(view, start, images, rng)
    trained = time.perf_counter() - begun
    counted = Counted(**vars(proxy))
    counted.swaps(np.searchsorted(images, start), 0, np.searchsorted(images, start)[:1])  # compiles
    counted.scored.clear()
    begun = time.perf_counter()
    found = staged.explore(counted, np.searchsorted(images, start), CLIMBS, rng)
    explored = time.perf_counter() - begun
    sets = [
        candidate(oracle.data, view.pool.canonical(images[list(s)]), "set") for s in found[:SIFTED]
    ]
    rows = [
        {"stage": "a proxy is trained", "ipc": ipc, "seconds": trained, "sets": 0, "replicates": 0},
        {"stage": "the proxy explores", "ipc": ipc, "seconds": explored,
         "sets": sum(counted.scored), "replicates": 0},
    ]  # fmt: skip
    half = sets[: SIFTED // 2]
    for stage, proposed, fidelity in (
        ("the oracle sifts", sets, staged.low(view)),
        ("the oracle decides", half, view.fidelity),
    ):
        begun = time.perf_counter()
        done = oracle.score_many(proposed, protocol, range(2), view.split, fidelity=fidelity)
        seconds = time.perf_counter() - begun
        rows.append(
            {
                "stage": stage,
                "ipc": ipc,
                "seconds": seconds,
                "sets": len(proposed),
                "replicates": len(done),
            }
        )
    return rows


def swap(
    sets: Annotated[int, typer.Option(help="Sets that the batched search scores.")] = 96,
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
    write("swap", {"protocol": protocol, "workers": oracle.workers, "best": goal, "ways": ways})


def first_at(curve: list[tuple[int, float, float]], goal: float) -> tuple[int, float, float] | None:
    """Where a curve of sets, seconds and best score reached the goal; None where it did not."""
    return next((point for point in curve if point[2] >= round(goal, 3)), None)


if __name__ == "__main__":
    run(application(rank, stages, swap, help="Measure the search."))
