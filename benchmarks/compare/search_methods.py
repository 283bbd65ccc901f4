"""Search methods, and ideas for `thompson`, at an equal budget: what each finds, and how fast.

`python -m benchmarks.compare.search_methods methods --ipc 1` and `... ideas` write
`results/benchmarks/search-methods-ipc1.json` and `search-ideas-ipc1.json`, run by run; the same
command goes on. An interrupted run begins anew, because its budget is its time.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.rows import Rows, chosen
from reproduce import Oracle, UserError
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured
from reproduce.commands.terminal import progress
from search import METHODS, SearchConfig, command, finalists, finished, open_study, search
from search.finalists import Final
from search.task import Task

SCORES = Path("runs/search-methods.jsonl")
JOURNAL = Path("runs/search-methods.journal")
TABLES: dict[str, dict[str, dict[str, Any]]] = {
    # All choose among the tenth of each class nearest its mean, but for random sets as such.
    "methods": {
        "random": {"method": "random", "pool": 1.0, "batch": 4},
        "random, typical": {"method": "random", "batch": 4},
        **{name: {"method": name, "batch": 4} for name in METHODS if name != "random"},
        # Many noisy scores, as its documentation recommends.
        "thompson": {"method": "thompson", "epochs": 20, "batch": 32},
    },
    # `thompson` as it is by default, and changed in one thing.
    "ideas": {
        "thompson": {},
        "unbalanced": {"unbalanced": True},
        "from a distilled set": {"start_sets": "results/sets/distilled-ipc1-conv.npz"},
    },
}


@configured
def methods(
    choice: DataChoice,
    table: Annotated[
        str, typer.Argument(help=f"What differs between runs: {' or '.join(TABLES)}.")
    ] = "methods",
    ipc: Annotated[int, typer.Option(help="Images per class.", min=1)] = 1,
    protocol: Annotated[
        str, typer.Option(help="Protocol of the search and of the scores.")
    ] = "conv-shift1",
    budget: Annotated[
        str, typer.Option(help="Time of each run, 90s, 2m, or its number of sets.")
    ] = "2m",
    epochs: Annotated[
        int | None,
        typer.Option(help="Most epochs of networks while searching. Default: all; thompson: 20."),
    ] = None,
    repetitions: Annotated[int, typer.Option(help="Runs of each method.", min=1)] = 3,
    seeds: Annotated[
        int, typer.Option(help="Fresh seeds that score the set of each run.", min=1)
    ] = 4,
    tops: Annotated[
        int, typer.Option(help="Finalists of each run, chosen from by ten fresh seeds.", min=1)
    ] = 1,
    only: Annotated[str, typer.Option(help="Rows, separated by semicolons. Default: all.")] = "",
    workers: WorkersOption = None,
) -> None:
    """Run every method for the same budget; score what it found on unseen seeds and images."""
    if table not in TABLES:
        raise UserError(f"unknown table {table!r}, use one of {', '.join(TABLES)}")
    judge = Oracle(choice.open(), SCORES, workers=workers)
    common = {"ipc": ipc, "protocol": protocol, "budget": budget, "epochs": epochs}
    how = {**common, "dataset": judge.data.title, "workers": judge.workers}
    rows = Rows(f"search-{table}-ipc{ipc}", **how, **({"tops": tops} if tops > 1 else {}))
    # Repetitions come one after the other, so that a machine's busy hour strikes all methods.
    for seed, case in itertools.product(range(repetitions), chosen(only, TABLES[table])):
        if not rows.has(method=case, seed=seed):
            settings = {**common, "seed": seed, **TABLES[table][case]}
            config = SearchConfig(**{**settings, "epochs": epochs or settings["epochs"]})
            measured = measure(judge, config, Final(tops=tops), seeds, case)
            rows.add(method=case, seed=seed, **measured)


def measure(
    judge: Oracle, config: SearchConfig, final: Final, seeds: int, title: str
) -> dict[str, Any]:
    """Run a study: how many sets it scored, its best set and score, its curve, and fresh scores."""
    # An oracle of its own: none is spared the sets that an earlier one scored.
    task = Task(Oracle(judge.data, workers=judge.workers), config)
    name = f"{title} {config.ipc} {config.seed} {time.time()}"
    curve = best_so_far(task, name, title)
    study = open_study(name, JOURNAL)
    found = command.chosen(study, task, judge, final).renamed(title)
    assert found.indices is not None
    with progress("fresh seeds") as update:
        fresh = finalists.rescore(judge, [found], config.protocol, seeds, update)
    return {
        "sets": len(finished(study)),
        "search": command.search_score(study, found),
        "indices": found.indices.tolist(),
        "quotas": np.bincount(found.labels, minlength=found.classes).tolist(),
        "curve": curve,
        "fresh": [record["accuracy"] for record in fresh],
    }


def best_so_far(task: Task, name: str, title: str) -> list[tuple[float, float]]:
    """Run a study; seconds and best score wherever it rose, and at the end."""
    curve: list[tuple[float, float]] = []
    with progress(title) as update:
        for state in search(task.oracle, task.config, name, JOURNAL):
            update(int(state.elapsed), int(state.seconds or 0), state.note())
            point = (round(state.elapsed, 2), round(state.best, 3))
            if not curve or state.best > curve[-1][1] + 1e-3:
                curve.append(point)
    return [*curve, point]


if __name__ == "__main__":
    run(application(methods, help="Compare the search methods."))
