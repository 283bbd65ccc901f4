"""Distillation methods, each with settings that the same number of trials chose, in whole runs.

`python -m benchmarks.compare.distill_tuned` writes `results/benchmarks/distill-tuned-ipc1.json`,
trial by trial and run by run. The same command goes on, also within a run (checkpoints lie in
`runs/distill-tuned`), and proposes what it would have proposed without the interruption.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import optuna
import typer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from benchmarks.compare.distill_methods import distilled, scored
from benchmarks.rows import Rows, chosen
from distill import DistillConfig
from distill.config import RECIPES
from distill.methods import filled
from reproduce import Oracle
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured

RUNS = Path("runs/distill-tuned")
FIELD = "convnet"  # the evaluation that all sets have in common, beside their own
FIRST = 3  # trials at random, with the method's own settings as the first, before TPE proposes


def choices(*values: Any) -> CategoricalDistribution:
    """One of some values."""
    return CategoricalDistribution(values)


# What trials vary for every method, and for some.
EVERY: dict[str, BaseDistribution] = {
    "image_lr": FloatDistribution(1e-3, 1e-1, log=True),
    "ema": choices(0.9, 0.99, 0.999),
}
RIDGE = {"width": choices(32, 48, 64), "batch": choices(256, 512, 1024), "reuse": choices(4, 8, 16)}
MATCHED = {"batch": choices(200, 500, 1000), "start": choices("real", "kmeans", "mean")}
SPACES: dict[str, dict[str, BaseDistribution]] = {
    "krr": {**EVERY, **RIDGE},
    "staged": {**EVERY, **RIDGE},
    "rcig": {**EVERY, "width": choices(16, 32, 48), "batch": choices(64, 128, 256)},
    "kip": {**EVERY, "batch": choices(128, 256, 512), "start": choices("real", "kmeans", "mean")},
    "unroll": {**EVERY, "window": choices(0, 5, 10), "batch": choices(128, 256, 512)},
    "mtt": {**EVERY, "batch": choices(64, 128, 256), "start": choices("real", "kmeans", "mean")},
    "dc": {**EVERY, **MATCHED},
    "dsa": {**EVERY, **MATCHED},
    "dm": {**EVERY, **MATCHED},
}


@configured
def tune(
    choice: DataChoice,
    ipc: Annotated[int, typer.Option(help="Images per class.", min=1)] = 1,
    trials: Annotated[int, typer.Option(help="Trials of each method.", min=1)] = 8,
    minutes: Annotated[float, typer.Option(help="Minutes of each trial.")] = 2.0,
    whole: Annotated[float, typer.Option(help="Minutes of each whole run.")] = 10.0,
    repetitions: Annotated[int, typer.Option(help="Whole runs of each method.", min=1)] = 3,
    seeds: Annotated[int, typer.Option(help="Networks that score each whole run.", min=1)] = 5,
    only: Annotated[str, typer.Option(help="Methods, separated by semicolons. Default: all.")] = "",
    workers: WorkersOption = None,
) -> None:
    """Choose settings on validation-a, run each method whole, and score on validation-b."""
    data = choice.open()
    budget = {"trials": trials, "minutes": minutes, "whole": whole}
    rows = Rows(f"distill-tuned-ipc{ipc}", ipc=ipc, dataset=data.title, **budget)
    oracle = Oracle(data, workers=workers)
    for method in chosen(only, SPACES):
        for number in range(trials):
            if not rows.has(kind="trial", method=method, number=number):
                settings = proposed(rows, method)
                config = DistillConfig(method, ipc, minutes=minutes, checks=1, **settings)
                checkpoint = RUNS / rows.name / f"{method} trial {number}.checkpoint"
                history = distilled(data, config, method, checkpoint)[1]
                best = max(accuracy for _, accuracy in history["history"])
                rows.add(
                    kind="trial", method=method, number=number, settings=settings, accuracy=best
                )
        for seed in range(1, repetitions + 1):
            if not rows.has(kind="run", method=method, seed=seed):
                settings = best_settings(rows, method)
                config = DistillConfig(method, ipc, minutes=whole, checks=5, seed=seed, **settings)
                checkpoint = RUNS / rows.name / f"{method} run {seed}.checkpoint"
                found, history = distilled(data, config, method, checkpoint)
                (learner,) = filled(config).protocols or ()
                own = "own" if learner in RECIPES else learner
                scores = scored(oracle, found, (own, FIELD), seeds)
                about = {"method": method, "seed": seed, "settings": settings, "learner": learner}
                rows.add(kind="run", **about, **history, own=scores[own], field=scores[FIELD])


def proposed(rows: Rows, method: str) -> dict[str, Any]:
    """The settings of a method's next trial: its own first, then as Optuna's TPE proposes."""
    done = trials_of(rows, method)
    if not done:
        return {}
    space = SPACES[method]
    sampler = optuna.samplers.TPESampler(n_startup_trials=FIRST, seed=len(done))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for row in done:
        settings = row["settings"] or own_settings(method)
        study.add_trial(
            optuna.trial.create_trial(
                params=settings, distributions=space, value=float(row["accuracy"])
            )
        )
    return dict(study.ask(fixed_distributions=space).params)


def own_settings(method: str) -> dict[str, Any]:
    """What a method has of its own for the settings that trials vary."""
    config = filled(DistillConfig(method))
    return {name: getattr(config, name) for name in SPACES[method]}


def trials_of(rows: Rows, method: str) -> list[dict[str, Any]]:
    """The trials of a method so far."""
    return [row for row in rows.rows if row["kind"] == "trial" and row["method"] == method]


def best_settings(rows: Rows, method: str) -> dict[str, Any]:
    """The settings of the best trial of a method."""
    best = max(trials_of(rows, method), key=lambda row: float(row["accuracy"]))
    return dict(best["settings"])


if __name__ == "__main__":
    run(application(tune, help="Compare distillation methods with tuned settings."))
