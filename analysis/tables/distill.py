"""Tables about distillations: methods at equal time, ablations, costs and the tracked runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.histories import histories
from analysis.tables.benchmarks import Benchmark, benchmarks
from reproduce.summary import summary_of
from reproduce.support.table import Code, Table

GOALS = (90, 95, 97)  # percent: accuracies on validation-a
OURS, PEERS = "krr", ("Dataset Condensation", "FRePo")


def methods(results: Path, table: str = "methods") -> Table:
    """Each row of a table of distillations at equal time."""
    rows = [
        [
            bench["settings"]["ipc"],
            Code(row["name"]),
            Code(row["recipe"]),
            f"{row['seconds'] / 60:.1f}",
            f"{row['updates']:,}",
            summary_of(row["accuracies"]),
            len(row["accuracies"]),
        ]
        for bench in benchmarks(results, f"distill-{table}-ipc*")
        for row in _best_first(bench["rows"])
    ]
    return Table(["ipc", "method", "made for", "minutes", "updates", "accuracy", "n"], rows)


def universality(results: Path) -> Table:
    """Sets for one learner and for all of them, made in the same time, under each learner."""
    head, rows = ["made for"], []
    for bench in benchmarks(results, "universality-ipc*"):
        learners = bench["settings"]["learners"]
        head = ["made for", *map(Code, learners), "mean", "weakest"]
        for row in bench["rows"]:
            cells = [summary_of(row["scores"][name]) for name in learners]
            means = [cell.mean for cell in cells]
            alone = "," not in row["made_for"]
            title = Code(row["made_for"]) if alone else "all of them"
            rows.append([title, *cells, f"{np.mean(means):.2f}", f"{min(means):.2f}"])
    return Table(head, rows)


def ablation(results: Path) -> Table:
    """`krr` with one thing changed, and what that changes in points."""
    rows = []
    for bench in benchmarks(results, "distill-ablation-ipc*"):
        scores = {row["name"]: summary_of(row["accuracies"]) for row in bench["rows"]}
        for row in _best_first(bench["rows"]):
            ours, plain, change = scores[row["name"]], scores.get("krr"), "–"
            if plain and row["name"] != "krr":
                error = math.hypot(plain.se, ours.se)
                change = f"{ours.mean - plain.mean:+.2f} ± {error:.2f}"
            updates = f"{row['updates']:,}"
            rows.append([bench["settings"]["ipc"], row["name"], updates, ours, ours.n, change])
    return Table(["ipc", "run", "updates", "accuracy", "n", "against `krr`"], rows)


def _best_first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: -float(np.mean(row["accuracies"])))


def cost(results: Path) -> Table:
    """Updates a second of one thread and the share of its peak."""
    rows = [
        [
            case["name"],
            f"{case['updates_per_second']:.1f}",
            f"{case['gflop_per_update']:.2f}",
            f"{case['gflops']:.0f} ({100 * case['share_of_peak']:.0f} %)",
            f"{case['estimated_mib']:,.0f}",
        ]
        for bench in benchmarks(results, "distill")
        for case in bench["cases"]
    ]
    head = ["method", "updates / second", "GFLOP / update", "GFLOP/s (of peak)", "MiB estimated"]
    return Table(head, rows)


def essay_net(results: Path) -> Table:
    """Seconds of one gradient through steps of `conv`, by PyTorch's autograd and compiled."""
    rows = []
    for bench in benchmarks(results, "distill"):
        taken = {
            (row["inner_steps"], row["compiled"]): row["seconds"] for row in bench["essay_net"]
        }
        for steps in dict.fromkeys(steps for steps, _ in taken):
            plain, ours = taken[steps, False], taken[steps, True]
            rows.append([steps, f"{plain:.2f}", f"{ours:.2f}", f"{plain / ours:.1f}"])
    return Table(["inner steps", "autograd, s", "compiled, s", "times faster"], rows)


def memory(results: Path) -> Table:
    """Memory of one update of `unroll` by its number of inner steps."""
    rows = [
        [row["inner_steps"], f"{row['kept_mib']:.0f}", f"{row['recomputed_mib']:.0f}"]
        for bench in benchmarks(results, "distill")
        for row in bench["memory"]
    ]
    return Table(["inner steps", "MiB, all kept", "MiB, recomputed"], rows)


def peers(results: Path) -> Table:
    """Minutes until ten images teach so much, of ours and of the peers' plain loops."""
    found = [row for bench in benchmarks(results, "distill-peers") for row in bench["rows"]]
    ours = next((_reached(row, GOALS[0]) for row in found if row["name"] == OURS), None)
    rows = []
    for row in found:
        times, last = [_reached(row, goal) for goal in GOALS], row["curve"][-1]
        rows.append(
            [
                row["name"],
                f"{row['updates_per_second']:.2g}",
                *(_minutes(entry, last) for entry in times),
                f"{last['accuracy']:.1f} after {last['processor_minutes']:.1f} min",
                "–" if row["name"] == OURS else _longer(times[0], last, ours),
            ]
        )
    goals = [f"minutes (wall) to {goal} %" for goal in GOALS]
    head = ["method", "updates / second", *goals, "at the end, %", f"against ours to {GOALS[0]} %"]
    return Table(head, rows)


def _reached(row: Benchmark, goal: float) -> Benchmark | None:
    """The first snapshot at or above an accuracy."""
    return next((entry for entry in row["curve"] if entry["accuracy"] >= goal), None)


def _minutes(reached: Benchmark | None, last: Benchmark) -> str:
    """Minutes of processor time and, in brackets, of the clock on the wall."""
    if reached is None:
        return f"not within {last['processor_minutes']:.1f}"
    return f"{reached['processor_minutes']:.1f} ({reached['minutes']:.1f})"


def _longer(reached: Benchmark | None, last: Benchmark, ours: Benchmark | None) -> str:
    """How many times as long it took as ours did, or at least took."""
    if ours is None:
        return "–"
    times = (reached or last)["processor_minutes"] / ours["processor_minutes"]
    return f"{'' if reached else 'more than '}{times:.{0 if times > 9.5 else 1}f} times as long"


def runs(results: Path) -> Table:
    """The tracked runs, from their `*.history.json`: validation on the way, loss at the end."""
    rows = []
    for name, content in histories(results):
        history, config = content["history"], content["config"]
        last = history[-1]
        cells = [_at(history, part) for part in (0.25, 0.5, 1.0)]
        loss = "–" if last["loss"] is None else f"{last['loss']:.3f}"
        numbers = [f"{last['seconds'] / 60:.0f}", f"{last['step']:,}", loss]
        rows.append([name, Code(config["method"]), content["threads"], *numbers, *cells])
    head = ["run", "method", "threads", "minutes", "updates", "loss"]
    return Table([*head, "after a quarter", "half", "all"], rows)


def _at(history: Sequence[dict[str, Any]], part: float) -> str:
    """Accuracy when at least that part of the run was done; a dash where it never was."""
    reached = [e for e in history if e["done"] >= part - 1e-3 or e["done"] == 1]
    return f"{float(reached[0]['accuracy']):.1f}" if reached else "–"
