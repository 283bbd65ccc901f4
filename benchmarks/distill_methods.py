"""What distillation methods, and what their parts, are worth: runs of equal time.

`python -m benchmarks.distill_methods methods --ipc 1` and `... ablation` write
`results/bench/distill-methods-ipc1.json` and `distill-ablation-ipc1.json`, run by run; the same
command goes on, also within a run (checkpoints lie in `runs/distill-methods`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.rows import Rows
from distill import DistillConfig
from distill.command import run_distillation
from distill.methods import METHODS, filled
from reproduce import Oracle, UserError, load
from reproduce.application import application, run
from reproduce.command import DataOption, DatasetOption, WorkersOption, progress

RUNS = Path("runs/distill-methods")
SPLIT = "validation-b"  # a run chooses among its sets on the other half
Cases = dict[str, dict[str, Any]]
# Every method with its own recipe and settings.
METHOD_CASES: Cases = {name: {"method": name} for name in METHODS}
# `krr`, changed in one thing.
ABLATION: Cases = {
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
    "gradient alone: no solved last layer": {"recipe": "adam"},
    "polished by unroll (staged)": {"method": "staged"},
}

IpcOption = Annotated[int, typer.Option(help="Images per class.", min=1)]
MinutesOption = Annotated[float, typer.Option(help="Of each run, without validation.")]
SeedsOption = Annotated[int, typer.Option(help="Networks that score each set.", min=1)]
ChecksOption = Annotated[int, typer.Option(help="Points of each curve.", min=1)]
OnlyOption = Annotated[str, typer.Option(help="These rows, separated by semicolons.")]
ThreadsOption = Annotated[int, typer.Option(help="Of each run.", min=1)]


def methods(
    ipc: IpcOption = 1,
    minutes: MinutesOption = 10.0,
    seeds: SeedsOption = 10,
    checks: ChecksOption = 8,
    only: OnlyOption = "",
    threads: ThreadsOption = 2,
    dataset: DatasetOption = "mnist",
    data_folder: DataOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run every method for the same time and score its set by its own recipe."""
    settings = {"ipc": ipc, "minutes": minutes, "threads": threads, "dataset": dataset}
    rows = Rows(f"distill-methods-ipc{ipc}", **settings)
    measure(rows, METHOD_CASES, {"checks": checks}, only, seeds, data_folder, workers)


def ablation(
    ipc: IpcOption = 1,
    minutes: MinutesOption = 10.0,
    seeds: SeedsOption = 10,
    checks: ChecksOption = 4,
    only: OnlyOption = "",
    threads: ThreadsOption = 2,
    dataset: DatasetOption = "mnist",
    data_folder: DataOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run `krr` for the same time with one thing changed in each run."""
    settings = {"ipc": ipc, "minutes": minutes, "threads": threads, "dataset": dataset}
    rows = Rows(f"distill-ablation-ipc{ipc}", **settings)
    common = {"method": "krr", "checks": checks}
    measure(rows, ABLATION, common, only, seeds, data_folder, workers)


def measure(
    rows: Rows,
    cases: Cases,
    common: dict[str, Any],
    only: str,
    seeds: int,
    data_folder: Path | None,
    workers: int | None,
) -> None:
    """Add the rows of all cases, or of those named, that the file lacks."""
    names = [name.strip() for name in only.split(";")] if only else list(cases)
    for name in names:
        if name not in cases:
            raise UserError(f"unknown row {name!r}, use some of {'; '.join(cases)}")
    settings = rows.settings
    data = load(settings["dataset"], data_folder)
    for name in names:
        if rows.has(name=name):
            continue
        common |= {"ipc": settings["ipc"], "minutes": settings["minutes"]}
        config = DistillConfig(**{**common, **cases[name]})
        # A run that goes on must be the same run: its checkpoint says so, too.
        checkpoint = RUNS / f"{rows.path.stem} {name}.checkpoint"
        found = run_distillation(data, config, name, checkpoint, None, settings["threads"])
        history = json.loads(checkpoint.with_suffix(".history.json").read_text())["history"]
        with progress("fresh networks") as update:
            scored = Oracle(data, workers=workers).score(
                found, "own", range(seeds), SPLIT, progress=update
            )
        rows.add(
            name=name,
            method=config.method,
            recipe=filled(config).recipe,
            changes=cases[name],
            updates=history[-1]["step"],
            seconds=history[-1]["seconds"],
            accuracies=[record["accuracy"] for record in scored],
            history=[[entry["seconds"], entry["accuracy"]] for entry in history],
        )


if __name__ == "__main__":
    run(application(methods, ablation, help="Compare distillation methods."))
