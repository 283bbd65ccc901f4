"""Distillation methods, and `krr` with one setting changed, compared at equal time.

`python -m benchmarks.compare.distill_methods methods --ipc 1` and `... ablation` write
`results/benchmarks/distill-methods-ipc1.json` and `distill-ablation-ipc1.json`, run by run. The
same command goes on, also within a run (checkpoints lie in `runs/distill-methods`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.rows import Rows, chosen
from distill import DistillConfig, validation
from distill.command import run_distillation
from distill.config import METHODS
from distill.history import ENDING
from distill.methods import filled, find
from reproduce import Candidate, Oracle, UserError
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured
from reproduce.commands.terminal import progress
from reproduce.data import Dataset

RUNS = Path("runs/distill-methods")
Cases = dict[str, dict[str, Any]]
TABLES: dict[str, Cases] = {
    # For the essay's own net: through its whole training, through parts of it, on its features.
    "conv": {
        "unroll": {"method": "unroll", "image_lr": 0.02},
        "unroll, gradient blurred by a pixel": {"method": "unroll", "image_lr": 0.02, "blur": 1.0},
        "unroll, windows of 60 steps": {"method": "unroll", "window": 60, "image_lr": 0.02},
        "krr": {},
        "staged": {"method": "staged", "window": 170},
    },
    # Every method with its own recipe and settings.
    "methods": {name: {"method": name} for name in METHODS},
    # `krr`, changed in one thing.
    "ablation": {
        "krr": {},
        "hard labels": {"learn": "images"},
        "labels alone, of real images": {"learn": "labels", "start": "real"},
        "starts from noise": {"start": "noise"},
        "starts from real images": {"start": "real"},
        "one update from a real batch": {"reuse": 1},
        "no running mean of the set": {"ema": 0.0},
        "one network in the pool": {"pool": 1},
        "softplus while distilling": {"smooth": True},
        "half the width": {"width": 24},
        "twice the width when used": {"widen": 2},
        "gradient alone: no solved last layer": {"protocols": ("adam",)},
        "polished by unroll (staged)": {"method": "staged"},
    },
}
# What all runs of a table have in common.
SHARED: Cases = {"conv": {"protocols": ("conv",), "learn": "both", "start": "mean"}}


@configured
def compare(
    choice: DataChoice,
    table: Annotated[
        str, typer.Argument(help=f"What differs between runs: {' or '.join(TABLES)}.")
    ],
    ipc: Annotated[int, typer.Option(help="Images per class.", min=1)] = 1,
    minutes: Annotated[float, typer.Option(help="Minutes of each run, without validation.")] = 10.0,
    seeds: Annotated[int, typer.Option(help="Networks that score each set.", min=1)] = 10,
    checks: Annotated[
        int, typer.Option(help="Validations of each run, the points of its curve.", min=1)
    ] = 8,
    only: Annotated[str, typer.Option(help="Rows, separated by semicolons. Default: all.")] = "",
    threads: Annotated[int, typer.Option(help="Threads of each run.", min=1)] = 2,
    workers: WorkersOption = None,
) -> None:
    """Run every row of a table for the same time and score its set by its own recipe."""
    if table not in TABLES:
        raise UserError(f"unknown table {table!r}, use one of {', '.join(TABLES)}")
    cases, data = TABLES[table], choice.open()
    settings = {"ipc": ipc, "minutes": minutes, "threads": threads, "dataset": data.title}
    rows = Rows(f"distill-{table}-ipc{ipc}", **settings)
    oracle = Oracle(data, workers=workers)
    for name in chosen(only, cases):
        if rows.has(name=name):
            continue
        budget = {"minutes": minutes, "checks": checks}
        config = configuration({"ipc": ipc, **SHARED.get(table, {}), **cases[name]}, budget)
        # A run that goes on must be the same run: its checkpoint says so, too.
        checkpoint = RUNS / f"{rows.name} {name}.checkpoint"
        found, history = distilled(data, config, name, checkpoint, threads)
        rows.add(
            name=name,
            method=config.method,
            recipe=",".join(filled(config).protocols or ()),
            changes=cases[name],
            **history,
            accuracies=scored(oracle, found, ["own"], seeds)["own"],
        )


def configuration(settings: dict[str, Any], budget: dict[str, Any]) -> DistillConfig:
    """The configuration of `krr`, or of another method in the settings.

    Methods without stages learn nothing and take no time, and so they have no budget.
    """
    settings = {"method": "krr", **settings}
    return DistillConfig(**settings, **(budget if find(settings["method"]).stages else {}))


def distilled(
    data: Dataset, config: DistillConfig, name: str, checkpoint: Path, threads: int = 1
) -> tuple[Candidate, dict[str, Any]]:
    """The set of a run, and its updates, seconds and accuracy over time."""
    found = run_distillation(data, config, name, checkpoint, threads=threads).candidate()
    return found, curve(checkpoint.with_suffix(ENDING))


def scored(
    oracle: Oracle, candidate: Candidate, protocols: Iterable[str], seeds: int
) -> dict[str, list[float]]:
    """Accuracies of fresh learners under each protocol, one for each seed."""
    found = {}
    for name in dict.fromkeys(protocols):
        with progress(f"fresh learners, {name}") as update:
            records = oracle.score(candidate, name, range(seeds), validation.FRESH, progress=update)
        found[name] = [record["accuracy"] for record in records]
    return found


def curve(path: Path) -> dict[str, Any]:
    """The updates, the seconds and the accuracy over time of a run, from its history file."""
    history = json.loads(path.read_text(encoding="utf-8"))["history"]
    return {
        "updates": history[-1]["step"],
        "seconds": history[-1]["seconds"],
        "history": [[entry["seconds"], entry["accuracy"]] for entry in history],
    }


if __name__ == "__main__":
    run(application(compare, help="Compare distillation methods."))
