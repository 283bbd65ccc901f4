"""How well the ridge proxies rank sets: Spearman's correlation with trained networks.

Scores the same random sets of ten images under the proxies and under `conv` and `conv-shift1`,
and measures how many subsets a second a kernel scores on one thread. Writes
`results/benchmarks/proxies.json`; resumable, the scores are kept in `runs/bench-proxies.jsonl`.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import spearmanr

from analysis.tables import oracle as tables
from benchmarks.rows import FOLDER, write
from benchmarks.speed.machine import seconds
from benchmarks.speed.oracle import random_sets
from reproduce import Candidate, Fidelity, Oracle, load, protocols
from reproduce.commands.application import application, run
from reproduce.commands.terminal import progress, say
from reproduce.data import ImageSet
from reproduce.scoring.ridge_proxy import PoolKernel, Ridge

SETS = 200
TUNING = 80  # sets drawn before those, on which the proxies' settings were chosen
SCORING = 6000
SEEDS = {"conv": 3, "conv-shift1": 1, "ridge-conv": 1, "ridge-convnet": 1}
PROXIES = ("ridge-conv", "ridge-convnet")
RESAMPLES = 1000


def scores(oracle: Oracle, sets: list[Candidate], protocol: str) -> np.ndarray:
    """Accuracies (sets, seeds); the proxies score on a stratified subset of validation."""
    fidelity = Fidelity(images=SCORING if protocol in PROXIES else None)
    with progress(f"{protocol:<13}") as update:
        records = oracle.score_many(
            sets, protocol, range(SEEDS[protocol]), fidelity=fidelity, progress=update
        )
    return np.array([record["accuracy"] for record in records]).reshape(len(sets), -1)


def correlation(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Spearman's rank correlation of mean scores, and its standard error over resampled sets."""
    rng = np.random.default_rng(0)
    x, y = a.mean(1), b.mean(1)
    picks = rng.integers(len(x), size=(RESAMPLES, len(x)))
    resampled = [spearmanr(x[pick], y[pick]).statistic for pick in picks]
    return float(spearmanr(x, y).statistic), float(np.std(resampled))


def subsets_per_second(ridge: Ridge, sets: list[Candidate], scoring: ImageSet) -> float:
    """How many sets a ready kernel scores in a second, on one thread."""
    torch.set_num_threads(1)
    pool = np.concatenate([candidate.images for candidate in sets])
    kernel = PoolKernel.build(ridge, pool, scoring.images, scoring.labels)
    targets = [candidate.targets() for candidate in sets]

    def score_all() -> None:
        for number, target in enumerate(targets):
            kernel.accuracy(np.arange(10 * number, 10 * number + 10), target)

    return len(sets) / seconds(score_all)


def main() -> None:
    """Score, correlate, print a table, write the JSON file."""
    data = load("mnist")
    oracle = Oracle(data, "runs/bench-proxies.jsonl")
    sets = random_sets(data, 1, TUNING + SETS)[TUNING:]
    scored = {protocol: scores(oracle, sets, protocol) for protocol in SEEDS}
    results = {}
    for name in PROXIES:
        ridge = protocols.learner(name, sets[0])
        assert isinstance(ridge, Ridge)
        speed = subsets_per_second(ridge, sets, data.validation.stratified(SCORING))
        against = {other: correlation(scored[name], scored[other]) for other in SEEDS}
        results[name] = {"spearman": against, "subsets_per_second_and_thread": speed}
    ceiling = correlation(scored["conv"], scored["conv-shift1"])
    write(
        "proxies",
        sets=SETS,
        scoring_images=SCORING,
        proxies=results,
        conv_against_conv_shift1=ceiling,
        accuracies={name: values.tolist() for name, values in scored.items()},
    )
    say(tables.proxies(FOLDER.parent))


if __name__ == "__main__":
    run(application(main, help="Measure how well the ridge proxies rank sets."))
