"""Search methods at an equal budget of time: what each finds, and how fast.

`python -m benchmarks.compare.search_methods --ipc 1` writes
`results/benchmarks/search-methods-ipc1.json`, run by run; the same command goes on. An interrupted
run begins anew, because its budget is its time.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.rows import Rows, chosen
from reproduce import Oracle
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured
from reproduce.commands.terminal import progress
from reproduce.essay import draws
from search import METHODS, SearchConfig, finalists, finished, open_study, search
from search.study import leaders
from search.task import Task
from search.trials import score_of

SCORES = Path("runs/search-methods.jsonl")
JOURNAL = Path("runs/search-methods.journal")
# All choose among the tenth of each class nearest its mean, but for random sets as such.
CASES: dict[str, dict[str, Any]] = {
    "random": {"method": "random", "pool": 1.0},
    "random, typical": {"method": "random"},
    **{name: {"method": name} for name in METHODS if name != "random"},
    # Many noisy scores, as its documentation recommends.
    "thompson": {"method": "thompson", "epochs": 20, "batch": 32},
}


@configured
def methods(
    choice: DataChoice,
    ipc: Annotated[int, typer.Option(help="Images per class.", min=1)] = 1,
    protocol: Annotated[
        str, typer.Option(help="Protocol of the search and of the scores.")
    ] = "conv-shift1",
    budget: Annotated[str, typer.Option(help="Time of each run: 90s, 2m.")] = "2m",
    epochs: Annotated[
        int | None,
        typer.Option(help="Most epochs of networks while searching. Default: all; thompson: 20."),
    ] = None,
    repetitions: Annotated[int, typer.Option(help="Runs of each method.", min=1)] = 3,
    seeds: Annotated[
        int, typer.Option(help="Fresh seeds that score the set of each run.", min=1)
    ] = 4,
    only: Annotated[
        str, typer.Option(help="Methods to run, separated by semicolons. Default: all.")
    ] = "",
    workers: WorkersOption = None,
) -> None:
    """Run every method for the same time; score what it found on unseen seeds and images."""
    cases, data = chosen(only, CASES), choice.open()
    judge = Oracle(data, SCORES, workers=workers)
    common = {"ipc": ipc, "protocol": protocol, "budget": budget, "epochs": epochs}
    rows = Rows(f"search-methods-ipc{ipc}", **common, dataset=data.title, workers=judge.workers)
    # Repetitions come one after the other, so that a machine's busy hour strikes all methods.
    for seed, case in itertools.product(range(repetitions), cases):
        if rows.has(method=case, seed=seed):
            continue
        settings = {**common, "seed": seed, "batch": 4, **CASES[case]}
        config = SearchConfig(**{**settings, "epochs": epochs or settings["epochs"]})
        # An oracle of its own: none is spared the sets that an earlier one scored.
        measured = measure(Oracle(data, workers=workers), config, f"{case} {ipc} {seed}")
        indices = np.array(measured["indices"])
        found = draws.real_candidate(data, indices, name=case, method=case)
        with progress("fresh seeds") as update:
            fresh = finalists.rescore(judge, [found], protocol, seeds, update)
        accuracies = [record["accuracy"] for record in fresh]
        rows.add(method=case, seed=seed, **measured, fresh=accuracies)


def measure(oracle: Oracle, config: SearchConfig, title: str) -> dict[str, Any]:
    """Run a study: how many sets it scored, its best score and set, and its curve."""
    name = f"{title} {time.time()}"
    curve = best_so_far(oracle, config, name, title)
    study = open_study(name, JOURNAL)
    best = leaders(study, Task(oracle, config))[0]
    return {
        "sets": len(finished(study)),
        "search": score_of(best),
        "indices": best.user_attrs["indices"],
        "curve": curve,
    }


def best_so_far(
    oracle: Oracle, config: SearchConfig, name: str, title: str
) -> list[tuple[float, float]]:
    """Run a study; seconds and best score wherever it rose, and at the end."""
    curve: list[tuple[float, float]] = []
    with progress(title) as update:
        for state in search(oracle, config, name, JOURNAL):
            update(int(state.elapsed), int(state.seconds or 0), state.note())
            point = (round(state.elapsed, 2), round(state.best, 3))
            if not curve or state.best > curve[-1][1] + 1e-3:
                curve.append(point)
    return [*curve, point]


if __name__ == "__main__":
    run(application(methods, help="Compare the search methods."))
