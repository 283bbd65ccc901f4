"""Tables about what a search does with its best sets: how it chooses, and how good they are."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path

import numpy as np

from analysis.tables.benchmarks import Benchmark, benchmarks
from reproduce.summary import grouped, summary_of
from reproduce.support.table import Code, Table

PLAIN = "finalists"  # the way with which others are compared
TEN = 10


def ways(results: Path) -> Table:
    """Ways to choose among a search's best sets: seconds, accuracy, differences paired by run."""
    rows = []
    for protocol, runs in _by_protocol(results).items():
        found = {
            way: [float(np.mean(_way(run, way)["fresh"])) for run in runs]
            for way in (one["way"] for one in runs[0]["chosen"])
        }
        for way, means in found.items():
            seconds = float(np.median([_way(run, way)["seconds"] for run in runs]))
            against = "–"
            if way != PLAIN and len(runs) > 1:
                gain = summary_of([a - b for a, b in zip(means, found[PLAIN], strict=True)])
                against = f"{gain.mean:+.2f} ± {gain.se:.2f}"
            cells = [f"{seconds:.0f}", summary_of(means), len(runs), against]
            rows.append([Code(protocol), runs[0]["sets"], way, *cells])
    head = ["protocol", "sets", "chosen by", "seconds", "accuracy", "runs", f"against {PLAIN}"]
    return Table(head, rows)


def plateau(results: Path) -> Table:
    """The best sets of searches on fresh seeds: how they differ, and whether their order is true.

    Each number is a mean over runs. The standard deviation between sets is what networks of the
    same set do not explain.
    """
    from scipy.stats import spearmanr  # most commands do without it, and it takes long to import

    rows = []
    for protocol, runs in _by_protocol(results).items():
        scores = [np.array(run["fresh"]) for run in runs]  # (sets, seeds) each
        means = [own.mean(1) for own in scores]
        cells = [
            summary_of([float(own.mean()) for own in means]),
            f"{np.mean([_between(own) for own in scores]):.2f}",
            summary_of([float(own[:TEN].mean()) for own in means]),
            summary_of([float(own[-TEN:].mean()) for own in means]),
            f"{np.mean([spearmanr(-np.arange(len(own)), own)[0] for own in means]):.2f}",
        ]
        rows.append([Code(protocol), runs[0]["sets"], len(means[0]), *cells, len(runs)])
    head = ["protocol", "sets", "best", "their mean", "sd between sets"]
    head += ["first ten", "last ten", "rank correlation of the order", "runs"]
    return Table(head, rows)


def _by_protocol(results: Path) -> dict[str, list[Benchmark]]:
    rows = [row for bench in benchmarks(results, "search-choice") for row in bench["rows"]]
    return grouped(rows, itemgetter("protocol"))


def _way(run: Benchmark, name: str) -> Benchmark:
    return next(one for one in run["chosen"] if one["way"] == name)


def _between(scores: np.ndarray) -> float:
    """Standard deviation of the sets' true means, from scores (sets, seeds).

    By the analysis of variance; 0 where the networks of a set differ as much as sets do.
    """
    within = scores.var(1, ddof=1).mean() / scores.shape[1]
    return float(max(0.0, scores.mean(1).var(ddof=1) - within) ** 0.5)
