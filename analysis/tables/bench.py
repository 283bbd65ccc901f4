"""Tables of what benchmarks have measured, from `results/benchmarks` and records of their own.

Where something has not been measured yet, its table has a head and no rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.histories import histories
from reproduce.records import Record, read
from reproduce.summary import Summary, grouped, is_lucky, role_of, summarise, summary_of
from reproduce.support.table import Code, Table

Bench = dict[str, Any]
NOT_OURS = {"random sets": "random sets", "essay draw": "the essay's draw"}
CHOICE = "validation-a"  # the split that says which simple rule is the strongest


def load(folder: Path, pattern: str) -> list[Bench]:
    """The benchmark files of that pattern, the smallest number of images per class first."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((folder / "benchmarks").glob(pattern))
    ]
    return sorted(found, key=lambda content: content.get("settings", {}).get("ipc", 0))


def search_methods(folder: Path) -> Table:
    """Each search method at equal time: seconds, sets scored, the search's score, the fresh one.

    Means ± standard errors over repetitions, whose number is in brackets. A batch that has begun is
    finished, so that some take longer than was asked for.
    """
    head, cells = ["method"], dict[str, list[str]]()
    benches = load(folder, "search-methods-ipc*.json")
    for number, bench in enumerate(benches):
        ipc = bench["settings"]["ipc"]
        head += [f"ipc {ipc}: seconds", "sets", "search score", "fresh seeds (n)"]
        methods = dict.fromkeys(row["method"] for row in bench["rows"])
        runs = {m: [row for row in bench["rows"] if row["method"] == m] for m in methods}
        for method in sorted(runs, key=lambda m: -_fresh(runs[m]).mean):
            row = cells.setdefault(method, ["–"] * 4 * number)
            fresh, seen = _fresh(runs[method]), summary_of([run["search"] for run in runs[method]])
            sets = np.mean([run["sets"] for run in runs[method]])
            seconds = np.mean([run["curve"][-1][0] for run in runs[method]])
            row += [f"{seconds:.0f}", f"{sets:.0f}", str(seen), f"{fresh} ({fresh.n})"]
        for row in cells.values():
            row += ["–"] * (4 * (number + 1) - len(row))
    return Table(head, [[Code(method), *row] for method, row in cells.items()])


def _fresh(runs: Sequence[Bench]) -> Summary:
    return summary_of([float(np.mean(run["fresh"])) for run in runs])


def search_stages(folder: Path) -> Table:
    """Sets and replicates a second of each stage of `staged`."""
    rows = [
        [
            row["stage"],
            str(row["ipc"]),
            f"{row['seconds']:.1f}",
            _rate(row["sets"], row["seconds"]),
            _rate(row["replicates"], row["seconds"]),
        ]
        for bench in load(folder, "search-stages.json")
        for row in bench["rows"]
    ]
    return Table(["stage", "ipc", "seconds", "sets / second", "replicates / second"], rows)


def _rate(count: int, seconds: float) -> str:
    if not count:
        return "–"
    rate = count / seconds
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}"


def search_swap(folder: Path) -> Table:
    """Batches against a loop of one set at a time: what each took to the same best score."""
    rows = []
    for bench in load(folder, "search-swap.json"):
        for name, way in bench["ways"].items():
            sets, seconds, best = way["reached"] or way["curve"][-1]
            words = "" if way["reached"] else " (not reached)"
            rows.append([name, str(sets), f"{seconds:.0f}", f"{best:.2f}{words}"])
    return Table(["proposals", "sets", "seconds", "best score"], rows)


def cross_protocol(folder: Path) -> Table:
    """Sets by protocols, mean ± standard error over networks, whose number is in brackets.

    A star marks sets that scores on the same images have chosen among others.
    """
    records = read(folder / "records" / "cross-protocol.jsonl")
    protocols = list(dict.fromkeys(record["protocol"] for record in records))
    sets = sorted({(record["ipc"], record["name"]) for record in records})
    rows = []
    for ipc, name in sets:
        ours = [r for r in records if (r["ipc"], r["name"]) == (ipc, name)]
        cells = [_cell([r for r in ours if r["protocol"] == protocol]) for protocol in protocols]
        rows.append([name + (" \\*" if any(map(is_lucky, ours)) else ""), f"{ipc:g}", *cells])
    return Table(["set", "ipc", *(Code(protocol) for protocol in protocols)], rows)


def _cell(records: Sequence[Record]) -> str:
    if not records:
        return "–"
    summary = summarise(records)
    return f"{summary} ({summary.n})"


@dataclass(frozen=True)
class Reading:
    """What test said of one set, or of several random ones."""

    protocol: str
    ipc: float
    name: str
    role: str
    summary: Summary


def readings(folder: Path, split: str = "test") -> list[Reading]:
    """The final readings of a split by protocol and size, the best first."""
    records = [r for r in read(folder / "test" / "records.jsonl") if r["split"] == split]
    groups = grouped(records, lambda r: (r["protocol"], r["ipc"], r["name"], role_of(r)))
    found = [Reading(*key, summarise(group)) for key, group in groups.items()]
    return sorted(found, key=lambda r: (r.protocol, r.ipc, -r.summary.mean))


def strongest_rules(folder: Path) -> dict[tuple[str, float], str]:
    """The strongest simple rule of each protocol and size: that with the best mean on `CHOICE`."""
    rules: dict[tuple[str, float], Reading] = {}
    for reading in readings(folder, CHOICE):  # the best first
        if reading.role == "simple rule":
            rules.setdefault((reading.protocol, reading.ipc), reading)
    return {key: reading.name for key, reading in rules.items()}


def final(folder: Path, distilled: bool) -> Table:
    """The reading of test: distilled sets, or chosen ones with their rivals."""
    rows = [
        [r.name, f"{r.ipc:g}", Code(r.protocol), str(r.summary), counted(r.summary)]
        for r in readings(folder)
        if (r.role == "distilled") == distilled
    ]
    return Table(["set", "ipc", "protocol", "test accuracy", "n"], rows)


def counted(summary: Summary) -> str:
    """What the ± varies, and how many of it: `20 networks`, `30 sets`."""
    return f"{summary.n} {summary.over if summary.n > 1 else summary.over.removesuffix('s')}"


def final_short(folder: Path) -> Table:
    """The same by protocol: ours, the simple rule chosen on validation, draws, random sets.

    Where nothing on record chooses among the simple rules, all of them are shown.
    """
    found, rules = readings(folder), strongest_rules(folder)
    protocols = list(dict.fromkeys(reading.protocol for reading in found))
    kept: dict[tuple[float, str], dict[str, str]] = {}
    for reading in sorted(found, key=lambda r: (r.ipc, -r.summary.mean)):
        strongest = rules.get((reading.protocol, reading.ipc))
        cell = f"{reading.summary} ({counted(reading.summary)})"
        what = NOT_OURS.get(reading.role, reading.name)
        if reading.role == "simple rule" and strongest:
            what, cell = "the strongest simple rule", f"{cell}, {reading.name}"
        if reading.role != "simple rule" or strongest in (None, reading.name):
            kept.setdefault((reading.ipc, what), {}).setdefault(reading.protocol, cell)
    head = ["set", "ipc", *(Code(protocol) for protocol in protocols)]
    rows = [
        [what, f"{ipc:g}", *(cells.get(protocol, "–") for protocol in protocols)]
        for (ipc, what), cells in kept.items()
    ]
    return Table(head, rows)


def distill_methods(folder: Path) -> Table:
    """Each distillation method at equal time."""
    rows = []
    for bench in load(folder, "distill-methods-ipc*.json"):
        for row in sorted(bench["rows"], key=lambda row: -np.mean(row["accuracies"])):
            rows.append(
                [
                    str(bench["settings"]["ipc"]),
                    Code(row["name"]),
                    Code(row["recipe"]),
                    f"{row['seconds'] / 60:.1f}",
                    f"{row['updates']:,}",
                    str(summary_of(row["accuracies"])),
                    str(len(row["accuracies"])),
                ]
            )
    return Table(["ipc", "method", "recipe", "minutes", "updates", "accuracy", "n"], rows)


def distill_ablation(folder: Path) -> Table:
    """`krr` with one thing changed, and what that changes in points."""
    rows = []
    for bench in load(folder, "distill-ablation-ipc*.json"):
        plain = next(
            (summary_of(r["accuracies"]) for r in bench["rows"] if r["name"] == "krr"), None
        )
        for row in sorted(bench["rows"], key=lambda row: -np.mean(row["accuracies"])):
            ours = summary_of(row["accuracies"])
            change = "–"
            if plain and row["name"] != "krr":
                error = math.hypot(plain.se, ours.se)
                change = f"{ours.mean - plain.mean:+.2f} ± {error:.2f}"
            updates = f"{row['updates']:,}"
            ipc = str(bench["settings"]["ipc"])
            rows.append([ipc, row["name"], updates, str(ours), str(ours.n), change])
    return Table(["ipc", "run", "updates", "accuracy", "n", "against `krr`"], rows)


def distill_cost(folder: Path) -> Table:
    """Updates a second of one thread and the share of its peak."""
    rows = [
        [
            case["name"],
            f"{case['updates_per_second']:.1f}",
            f"{case['gflop_per_update']:.2f}",
            f"{case['gflops']:.0f} ({100 * case['share_of_peak']:.0f} %)",
            f"{case['estimated_mib']:,.0f}",
        ]
        for bench in load(folder, "distill.json")
        for case in bench["cases"]
    ]
    head = ["method", "updates / second", "GFLOP / update", "GFLOP/s (of peak)", "MiB estimated"]
    return Table(head, rows)


def distill_memory(folder: Path) -> Table:
    """Memory of one update of `unroll` by its number of inner steps."""
    rows = [
        [str(row["inner_steps"]), f"{row['kept_mib']:.0f}", f"{row['recomputed_mib']:.0f}"]
        for bench in load(folder, "distill.json")
        for row in bench["memory"]
    ]
    return Table(["inner steps", "MiB, all kept", "MiB, recomputed"], rows)


def distill_runs(folder: Path) -> Table:
    """The tracked runs, from their `*.history.json`: validation on the way, loss at the end."""
    rows = []
    for name, content in histories(folder):
        history, config = content["history"], content["config"]
        last = history[-1]
        cells = [_at(history, part) for part in (0.25, 0.5, 1.0)]
        loss = "–" if last["loss"] is None else f"{last['loss']:.3f}"
        numbers = [f"{last['seconds'] / 60:.0f}", f"{last['step']:,}", loss]
        rows.append([name, Code(config["method"]), str(content["threads"]), *numbers, *cells])
    head = ["run", "method", "threads", "minutes", "updates", "loss"]
    return Table([*head, "after a quarter", "half", "all"], rows)


def _at(history: Sequence[Bench], part: float) -> str:
    """Accuracy when at least that part of the run was done; a dash where it never was."""
    reached = [e for e in history if e["done"] >= part - 1e-3 or e["done"] == 1]
    return f"{float(reached[0]['accuracy']):.1f}" if reached else "–"


def cross_architecture(folder: Path) -> Table:
    """Networks by sets, mean ± standard error over networks."""
    head, rows = ["network"], dict[str, list[str]]()
    for bench in load(folder, "cross-architecture.json"):
        head = [f"network, n = {bench['settings']['seeds']}"]
        for row in bench["rows"]:
            head.append(row["name"])
            for name, accuracies in row["accuracies"].items():
                rows.setdefault(name, []).append(str(summary_of(accuracies)))
    return Table(head, [[name, *cells] for name, cells in rows.items()])


# By mark, from the folder of results.
BENCHES: dict[str, Callable[[Path], Table]] = {
    "search-methods": search_methods,
    "search-stages": search_stages,
    "search-swap": search_swap,
    "cross-protocol": cross_protocol,
    "final": final_short,
    "final-searched": lambda folder: final(folder, distilled=False),
    "final-distilled": lambda folder: final(folder, distilled=True),
    "distill-methods": distill_methods,
    "distill-ablation": distill_ablation,
    "distill-cost": distill_cost,
    "distill-memory": distill_memory,
    "distill-runs": distill_runs,
    "cross-architecture": cross_architecture,
}
