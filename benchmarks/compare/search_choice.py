"""How well a search chooses among its best sets, and how good its best hundred are.

`python -m benchmarks.compare.search_choice --protocol conv` writes
`results/benchmarks/search-choice.json`, run by run; the same command goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.rows import Rows
from reproduce import Candidate, Oracle
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured
from reproduce.commands.terminal import progress
from reproduce.summary import by_candidate
from search import SearchConfig, finalists, halving
from search.command import leading, run_search
from search.seeds import FRESH, first
from search.task import Task

SCORES = Path("runs/search-choice.jsonl")
JOURNAL = Path("runs/search-choice.journal")
TOPS, SEEDS = 8, 10  # finalists and their fresh seeds, as `search` has them by default
JUDGED = 20  # fresh seeds of each chosen set


@configured
def choice(
    choice: DataChoice,
    protocol: Annotated[str, typer.Option(help="Protocol of the searches.")] = "conv",
    sets: Annotated[int, typer.Option(help="Sets that each search scores.", min=1)] = 600,
    best: Annotated[int, typer.Option(help="Best sets that are scored anew.", min=2)] = 100,
    seeds: Annotated[int, typer.Option(help="Fresh seeds of each of them.", min=2)] = 4,
    repetitions: Annotated[int, typer.Option(help="Searches.", min=1)] = 3,
    workers: WorkersOption = None,
) -> None:
    """Choose from the best sets of some searches in several ways, and score all of them anew."""
    judge = Oracle(choice.open(), SCORES, workers=workers)
    how = {"dataset": judge.data.title, "best": best, "seeds": seeds, "workers": judge.workers}
    rows = Rows("search-choice", **how)
    for seed in range(repetitions):
        if not rows.has(protocol=protocol, sets=sets, seed=seed):
            config = SearchConfig(protocol=protocol, budget=str(sets), seed=seed)
            rows.add(protocol=protocol, sets=sets, seed=seed, **measure(judge, config, best, seeds))


def measure(judge: Oracle, config: SearchConfig, best: int, seeds: int) -> dict[str, Any]:
    """Run a search: fresh scores of its best sets, in its order, and of what each way chooses."""
    task = Task(Oracle(judge.data, workers=judge.workers), config)
    study = run_search(task, f"{config.protocol} {config.budget} {config.seed}", JOURNAL)
    leaders = leading(study, task, max(best, halving.entrants(task, TOPS)))
    with progress("the best sets") as update:
        scored = judge.score_many(
            leaders[:best],
            config.protocol,
            first(FRESH, seeds),
            finalists.REPORTS,
            progress=update,
        )
    fresh = [[record["accuracy"] for record in own] for own in by_candidate(scored).values()]
    ways: dict[str, Callable[[Oracle], Candidate]] = {
        "the model alone": lambda _: leaders[0],
        "finalists": lambda own: choose(own, task, leaders[:TOPS]),
        "rungs and finalists": lambda own: choose(
            own, task, halving.climb(task, own, leaders, TOPS)
        ),
    }
    return {"fresh": fresh, "chosen": [chosen(judge, task, name, ways[name]) for name in ways]}


def choose(oracle: Oracle, task: Task, tops: list[Candidate]) -> Candidate:
    """The best finalist."""
    return finalists.choose(oracle, tops, task.config.protocol, SEEDS)


def chosen(
    judge: Oracle, task: Task, name: str, way: Callable[[Oracle], Candidate]
) -> dict[str, Any]:
    """What a way chooses, how long that takes where no score is known, and its fresh scores."""
    begun = time.monotonic()
    found = way(Oracle(judge.data, workers=judge.workers))
    seconds = time.monotonic() - begun
    scored = finalists.rescore(judge, [found], task.config.protocol, JUDGED)
    assert found.indices is not None
    return {
        "way": name,
        "seconds": round(seconds, 1),
        "indices": found.indices.tolist(),
        "fresh": [float(np.round(record["accuracy"], 4)) for record in scored],
    }


if __name__ == "__main__":
    run(application(choice, help="Compare ways to choose among the best sets of a search."))
