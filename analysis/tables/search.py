"""Tables about searches: methods at equal time, the parts of `staged`, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from analysis.tables.benchmarks import Benchmark, benchmark, benchmarks
from reproduce.summary import Summary, grouped, summary_of
from reproduce.support.table import Code, Table


def methods(results: Path) -> Table:
    """Each search method at equal time: seconds, sets scored, the search's score, the fresh one.

    Means ± standard errors over repetitions, whose number is in brackets. A batch that has begun is
    finished, so some methods take longer than their budget.
    """
    found = benchmarks(results, "search-methods-ipc*")
    head, cells = ["method"], dict[tuple[str, int], list[Any]]()
    for number, bench in enumerate(found):
        head += [f"ipc {bench['settings']['ipc']}: seconds", "sets"]
        head += ["search score", "fresh seeds (n)"]
        runs = grouped(bench["rows"], itemgetter("method"))
        for method in sorted(runs, key=lambda m: -_fresh(runs[m]).mean):
            cells[method, number] = [
                f"{np.mean([run['curve'][-1][0] for run in runs[method]]):.0f}",
                f"{np.mean([run['sets'] for run in runs[method]]):.0f}",
                summary_of([run["search"] for run in runs[method]]),
                _fresh(runs[method]).with_n,
            ]
    rows = [
        [Code(method), *(c for i in range(len(found)) for c in cells.get((method, i), ["–"] * 4))]
        for method in dict.fromkeys(method for method, _ in cells)
    ]
    return Table(head, rows)


def _fresh(runs: Sequence[Benchmark]) -> Summary:
    return summary_of([float(np.mean(run["fresh"])) for run in runs])


def rules(results: Path) -> Table:
    """The sets of the simple rules: seconds to choose one, accuracy over networks or over sets."""
    rows = []
    for bench in benchmarks(results, "search-rules-ipc*"):
        lines = []
        for rule, own in grouped(bench["rows"], itemgetter("rule")).items():
            means = [float(np.mean(row["accuracies"])) for row in own]
            if len({row["set"] for row in own}) > 1:
                scored = summary_of(means, "sets")
            else:
                scored = summary_of([value for row in own for value in row["accuracies"]])
            lines.append((rule, float(np.median([row["seconds"] for row in own])), scored))
        settings = bench["settings"]
        rows += [
            [settings["ipc"], Code(rule), f"{seconds:.1f}", scored, scored.counted]
            for rule, seconds, scored in sorted(lines, key=lambda line: -line[2].mean)
        ]
    return Table(["ipc", "rule", "seconds", "accuracy", "n"], rows)


def ideas(results: Path) -> Table:
    """`thompson` and ideas for it at an equal number of sets, and differences paired by run."""
    rows = []
    for bench in benchmarks(results, "search-ideas-ipc*"):
        runs = grouped(bench["rows"], itemgetter("method"))
        means = {
            name: {run["seed"]: float(np.mean(run["fresh"])) for run in own}
            for name, own in runs.items()
        }
        plain = means.get("thompson", {})
        for name in sorted(means, key=lambda name: -np.mean([*means[name].values()])):
            shared = [value - plain[seed] for seed, value in means[name].items() if seed in plain]
            against, said = summary_of(shared or [0.0]), "–"
            if name != "thompson" and len(shared) > 1:
                said = f"{against.mean:+.2f} ± {against.se:.2f}"
            uneven = sum(len(set(run["quotas"])) > 1 for run in runs[name])
            scored = summary_of([*means[name].values()])
            cells = [runs[name][0]["sets"], uneven, scored, scored.n, said]
            rows.append([bench["settings"]["ipc"], name, *cells])
    head = ["ipc", "search", "sets", "found unbalanced", "accuracy", "runs", "against `thompson`"]
    return Table(head, rows)


def stages(results: Path) -> Table:
    """Sets and replicates a second of each stage of `staged`."""
    rows = [
        [
            row["stage"],
            row["ipc"],
            f"{row['seconds']:.1f}",
            _rate(row["sets"], row["seconds"]),
            _rate(row["replicates"], row["seconds"]),
        ]
        for bench in benchmarks(results, "search-stages")
        for row in bench["rows"]
    ]
    return Table(["stage", "ipc", "seconds", "sets / second", "replicates / second"], rows)


def _rate(count: int, seconds: float) -> str:
    if not count:
        return "–"
    rate = count / seconds
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}"


def swap(results: Path) -> Table:
    """Batches against a loop of one set at a time: what each took to the same best score."""
    rows = []
    for bench in benchmarks(results, "search-swap"):
        for name, way in bench["ways"].items():
            sets, seconds, best = way["reached"] or way["curve"][-1]
            words = "" if way["reached"] else " (not reached)"
            rows.append([name, sets, f"{seconds:.0f}", f"{best:.2f}{words}"])
    return Table(["proposals", "sets", "seconds", "best score"], rows)


def fidelity(results: Path) -> Table:
    """Cheap versions of protocols: seconds, and rank correlation with the full score."""
    rows: list[list[Any]] = []
    known = benchmark(results, "search-fidelity")["rows"]
    for (ipc, protocol), own in sorted(grouped(known, itemgetter("ipc", "protocol")).items()):
        most = max(row["tells"] for row in own if "version" in row)
        for row in own:
            cells = ["in full", f"{row['seconds']:.2f}", "", ""]
            if "version" in row:
                taken = " (auto)" if row["tells"] == most else ""
                correlation = "{:.2f} ± {:.2f}".format(*row["spearman"])
                told = f"{row['tells']:.2f}{taken}"
                cells = [_version(row["version"]), f"{row['seconds']:.2f}", correlation, told]
            rows.append([Code(protocol), ipc, *cells, f"{row['sets']} x {row['replicates']}"])
    head = [
        "protocol",
        "ipc",
        "version",
        "seconds a set",
        "rank correlation",
        "tells / second",
        "sets x full scores",
    ]
    return Table(head, rows)


def _version(version: dict[str, Any]) -> str:
    parts = [f"{100 * version['share']:g} % of the epochs"]
    parts += [f"{version['members']} of the ensemble"] if version["members"] else []
    parts += [f"width {version['width']}"] if version["width"] else []
    return ", ".join([*parts, f"{version['images']:,} images"])


def rank(results: Path) -> Table:
    """Rank correlations of the search's proxies with the protocol that they stand for."""
    content = benchmark(results, "search-rank")
    rows = []
    for name, correlation in content["spearman"].items():
        speed = content["sets_per_second"].get(name)
        rows.append(
            [name, "{:.2f} ± {:.2f}".format(*correlation), f"{speed:,.0f}" if speed else "–"]
        )
    return Table(["proxy", Code(content["protocol"]), "sets / second / thread"], rows)
