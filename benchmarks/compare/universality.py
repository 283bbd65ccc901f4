"""What it costs to suit all learners: the same minutes spent on one of them, and on them together.

`python -m benchmarks.compare.universality` writes `results/benchmarks/universality-ipc1.json`,
set by set. The same command goes on, also within a run (checkpoints lie in `runs/universality`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.compare.distill_methods import distilled, scored
from benchmarks.rows import Rows
from distill import DistillConfig
from reproduce import Oracle
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured

RUNS = Path("runs/universality")
LEARNERS = "convnet,lenet,resnet-small,mlp-dc,conv,knn,mlp"  # those of `distilled-ipc1-any`


@configured
def compare(
    choice: DataChoice,
    learners: Annotated[
        str, typer.Option(help="Learners, with commas between. All networks, or surrogates.")
    ] = LEARNERS,
    ipc: Annotated[int, typer.Option(help="Images per class.", min=1)] = 1,
    minutes: Annotated[float, typer.Option(help="Minutes of each run, without validation.")] = 8.0,
    seeds: Annotated[int, typer.Option(help="Networks that score each set.", min=1)] = 3,
    workers: WorkersOption = None,
) -> None:
    """Make a set for all learners, and one for each, and score every set under every learner."""
    data, names = choice.open(), tuple(learners.split(","))
    settings = {"minutes": minutes, "learners": list(names), "dataset": data.title}
    rows = Rows(f"universality-ipc{ipc}", ipc=ipc, **settings)
    oracle = Oracle(data, workers=workers)
    for made_for in (names, *((name,) for name in names)):
        title = ",".join(made_for)
        if rows.has(made_for=title):
            continue
        config = DistillConfig(
            "mixed", ipc, minutes=minutes, checks=2, protocols=made_for, bounded=True, ema=0.99
        )
        checkpoint = RUNS / rows.name / f"{title}.checkpoint"
        found, history = distilled(data, config, title, checkpoint)
        rows.add(made_for=title, **history, scores=scored(oracle, found, names, seeds))


if __name__ == "__main__":
    run(application(compare, help="Compare sets for one learner with a set for all."))
