"""A small folder of results, made through the oracle from the bundled digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from analysis.measure import commands, measures
from analysis.page.report import write_report
from analysis.results import collect
from reproduce import Candidate, Dataset, Oracle, Recipe
from reproduce.commands.terminal import progress
from reproduce.essay import draws
from tests.analysis.page.browser import chromium

RECIPE = Recipe(
    model="convnet",
    mean=0.1307,
    std=0.3081,
    epochs=12,
    batch=10,
    momentum=0.9,
    width=8,
    schedule="list",
    learning_rates=(0.08,) * 12,
)


@pytest.fixture(scope="session")
def made(digits: Dataset) -> Candidate:
    """A stand-in for a distilled set: means of each class, soft labels, beyond 0..1, own recipe."""
    train = digits.train
    images = np.stack([train.images[train.labels == c].mean(0) for c in range(10)])
    return Candidate(
        images=1.3 * images - 0.1,
        labels=0.9 * np.eye(10, dtype=np.float32) + 0.01,
        label_scale="probability",
        name="means </script> & co",
        method="distill by hand",
        role="distilled",
        dataset="digits",
        checksum=digits.checksum,
        recipe=RECIPE,
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, digits: Dataset, made: Candidate) -> Path:
    """Records, candidates, analyses, a curve and a sample, as `supertrainer analyse` makes them."""
    folder = tmp_path_factory.mktemp("results")
    ten = draws.rmnist(digits, 1)
    oracle = Oracle(digits, folder / "records.jsonl", workers=1)
    randoms = [
        replace(measures.random_set(digits, 1, number), name="random sets", role="random sets")
        for number in range(3)
    ]
    for protocol in ("knn", "tree"):
        oracle.score_many([ten, made, *randoms], protocol, range(3), measures.SPLIT)
    oracle.score(made, "own", range(3), measures.SPLIT)
    scout = Oracle(digits, workers=1)
    out = folder / "analysis"
    for candidate, protocol in ((ten, "tree"), (made, "own")):
        candidate.save(folder / f"{candidate.hash}.npz")
        found = commands.analysis_of(scout, candidate, protocol, range(2), 20)
        commands.write(out / commands.file_name(candidate), found)
    placed = {**commands.origin(digits, None, ()), **measures.embedding(digits, [ten, made], 200)}
    commands.write(out / "map.json", placed)
    commands.write_sample(out, digits, 150)
    with progress("curve") as update:
        curve = measures.random_curve(scout, "tree", [1, 5, 20], 3, range(2), update)
    curve |= commands.origin(digits, "tree", range(2))
    commands.write(out / "random-tree.json", curve)
    return folder


@pytest.fixture(scope="session")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    return write_report(out, collect([folder]), "Test & <tags>")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running
