"""The search measured: how its proxy ranks, its batches against a plain loop, and every method.

`python -m benchmarks.bench_search rank|swap|methods` writes `results/bench/search-PART.json`. All
are resumable: scores are kept in `runs/bench-search.jsonl`, studies in `runs/bench-search.journal`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmarks.bench_proxies import correlation
from reproduce import (
    Candidate,
    Dataset,
    Fidelity,
    Oracle,
    Recipe,
    essay,
    load,
    protocols,
    provenance,
)
from reproduce.application import application, run
from reproduce.command import WorkersOption, progress
from reproduce.features import PoolKernel, Ridge
from reproduce.files import write_whole
from search import METHODS, Pool, SearchConfig, finished, luck, open_study, ranked, search
from search.kernel import trained_proxy
from search.proxy import Proxy
from search.trials import score_of

OUT = Path("results/bench")
SCORES = Path("runs/bench-search.jsonl")
JOURNAL = Path("runs/bench-search.journal")
PROTOCOL = "conv-shift1"
SETS, MOST_SWAPPED = 160, 10
LOW = Fidelity(images=2500, epochs=100)


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
    recipe, ridge = (protocols.plan(name, start) for name in (PROTOCOL, "ridge-conv"))
    assert isinstance(recipe, Recipe)
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
    return essay.real_candidate(data, indices, name=name, method=name)


def swap(
    sets: Annotated[int, typer.Option(help="Sets that the batched search scores.")] = 96,
    protocol: str = "conv",
    workers: WorkersOption = None,
) -> None:
    """Wall time to the same best score: batches of 16 against one set at a time, in one run."""
    data = load("mnist")
    curves: dict[str, list[tuple[float, float]]] = {}
    goal = 0.0
    for name, batch, budget in (("batches", 16, sets), ("one at a time", 1, 16 * sets)):
        config = SearchConfig(protocol=protocol, method="swap", budget=str(budget), batch=batch)
        study = f"swap {protocol} {batch} {time.time()}"
        curves[name] = []
        with progress(name) as update:
            for state in search(Oracle(data, workers=workers), config, study, JOURNAL):
                curves[name].append((state.elapsed, state.best))
                update(state.done, budget, state.note())
                if goal and state.best >= goal:
                    break
        goal = goal or curves[name][-1][1]
    seconds = {name: first_at(curve, goal) for name, curve in curves.items()}
    write("swap", {"protocol": protocol, "best": goal, "seconds": seconds, "curves": curves})


def first_at(curve: list[tuple[float, float]], goal: float) -> float | None:
    """Seconds until a curve reached the goal; None where it did not."""
    return next((elapsed for elapsed, best in curve if best >= goal), None)


def methods(
    ipc: int = 1,
    protocol: str = PROTOCOL,
    budget: str = "60s",
    repetitions: int = 3,
    seeds: Annotated[int, typer.Option(help="Fresh seeds for each winner.")] = 4,
    only: Annotated[str, typer.Option(help="These methods, separated by commas.")] = "",
    workers: WorkersOption = None,
) -> None:
    """Every method at equal budget; its best set on fresh seeds and unseen validation images."""
    data = load("mnist")
    oracle = Oracle(data, SCORES, workers=workers)
    path = OUT / "search-methods.json"
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    for method in only.split(",") if only else METHODS:
        for seed in range(repetitions):
            identity = [method, ipc, protocol, budget, seed]
            if any(row["identity"] == identity for row in known):
                continue
            config = SearchConfig(
                ipc=ipc, protocol=protocol, method=method, budget=budget, seed=seed, batch=4
            )
            name = " ".join(map(str, identity))
            with progress(f"{method} {seed}") as update:
                for state in search(Oracle(data, workers=workers), config, name, JOURNAL):
                    update(int(state.elapsed), int(state.seconds or 0), state.note())
            study = open_study(name, JOURNAL)
            best = ranked(study)[0]
            found = candidate(data, np.array(best.user_attrs["indices"]), method)
            fresh = luck.rescore(oracle, [found], protocol, seeds)
            known.append(
                {
                    "identity": identity,
                    "method": method,
                    "ipc": ipc,
                    "sets": len(finished(study)),
                    "search": score_of(best),
                    "fresh": [record["accuracy"] for record in fresh],
                }
            )
            write("methods", {"rows": known})


def chance(
    ipc: int = 1,
    protocol: str = PROTOCOL,
    sets: int = 30,
    seeds: Annotated[int, typer.Option(help="Fresh seeds for each set.")] = 1,
    workers: WorkersOption = None,
) -> None:
    """Random sets on the seeds and images that what is found is reported on."""
    data = load("mnist")
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(data.train.labels == label) for label in range(10)]
    drawn = [
        np.concatenate([rng.choice(m, ipc, replace=False) for m in members]) for _ in range(sets)
    ]
    with progress("random sets") as update:
        luck.rescore(
            Oracle(data, "results/search/records.jsonl", workers=workers),
            [candidate(data, indices, "random sets") for indices in drawn],
            protocol,
            seeds,
            update,
        )


if __name__ == "__main__":
    run(application(rank, swap, methods, chance, help="Measure the search."))
