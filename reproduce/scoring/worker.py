"""What runs in the oracle's workers: training under a plan, and scoring what came of it."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from joblib.externals.loky import process_executor

from reproduce.data import ImageSet
from reproduce.recipe import Recipe
from reproduce.scoring.learners import Classifier, Mixture, Plan, class_probabilities
from reproduce.scoring.ridge_proxy import PoolKernel, Ridge
from reproduce.training import loop

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
LARGEST_HEAP_BLOCK = 2**25  # glibc takes no more
HELD_BYTES = 2**28

# Where psutil is installed, loky takes a worker that holds 300 MB more than after its first task
# for one that leaks, and starts another for seconds. Ours hold on to what they will need again.
process_executor._MAX_MEMORY_LEAK_SIZE = 2**60


@dataclass(frozen=True)
class Work:
    """Replicates that share a plan: replicate k trains on (images[k], targets[k]) from seeds[k].

    Attributes
    ----------
    plan : Plan
    images : sequence of K ndarrays of shape (n, 1, H, W)
    targets : sequence of K ndarrays of shape (n, C)
        Probabilities; the largest is the class where a plan knows only hard labels.
    seeds : sequence of K int
    device : str
    checkpoint : Path or None
        Where a long training keeps its state.
    held : sequence of K ndarrays, int64
        Positions among the scored images that do not judge replicate k, because it learned them;
        empty where all images judge all replicates.
    """

    plan: Plan
    images: Sequence[np.ndarray]
    targets: Sequence[np.ndarray]
    seeds: Sequence[int]
    device: str = "cpu"
    checkpoint: Path | None = None
    held: Sequence[np.ndarray] = ()


@cache
def hold_freed_memory() -> None:
    """Have glibc reuse freed memory, not hand it back and fault it in again at every step.

    Training steps allocate and free megabytes a thousand times a second; this is a tenth of their
    time. Other C libraries are left as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK)
        libc.mallopt(M_TRIM_THRESHOLD, HELD_BYTES)
        libc.mallopt(M_TOP_PAD, HELD_BYTES)


@dataclass(frozen=True)
class Answer:
    """What came of a replicate.

    Attributes
    ----------
    accuracy : float
        Percent.
    class_errors : tuple of C floats
        For each class the percentage of all scored images that are of it, or taken for it, in
        error: they sum to twice the errors. Empty where only an accuracy is known.
    """

    accuracy: float
    class_errors: tuple[float, ...] = ()


def answers(work: Work, scored: ImageSet) -> tuple[list[Answer], float]:
    """What came of all replicates, and the seconds that they took together."""
    start = time.perf_counter()
    hold_freed_memory()
    if isinstance(work.plan, Ridge):
        found = [Answer(accuracy) for accuracy in _ridge(work.plan, work, scored)]
    else:
        number = work.targets[0].shape[1]
        found = [
            judged(np.delete(row, held), np.delete(scored.labels, held), number)
            for row, held in zip(classes(work, scored.images), held_by(work), strict=True)
        ]
    return found, time.perf_counter() - start


def held_by(work: Work) -> Sequence[np.ndarray]:
    """Positions of the scored images that do not judge each replicate."""
    return work.held or [np.empty(0, dtype=np.int64)] * len(work.images)


def judged(guesses: np.ndarray, labels: np.ndarray, classes: int) -> Answer:
    """Accuracy and errors by class of guesses (N,), of so many classes."""
    wrong = guesses != labels
    count = np.bincount(labels[wrong], minlength=classes)
    count += np.bincount(guesses[wrong], minlength=classes)
    each = np.round(100 * count / len(labels), 3)
    return Answer(100 * float((~wrong).mean()), tuple(each.tolist()))


def classes(work: Work, images: np.ndarray) -> np.ndarray:
    """Predicted classes (K, N) of images (N, 1, H, W)."""
    plan = work.plan
    if isinstance(plan, Classifier):
        seen = plan.embed(images)
        return np.stack([estimator.predict(seen) for estimator in _estimators(plan, work)])
    if isinstance(plan, Recipe) and plan.ensemble == 1:
        return loop.predict(_network(plan, work), plan, images)
    return probabilities(work, images).argmax(-1)


def probabilities(work: Work, images: np.ndarray) -> np.ndarray:
    """Class probabilities (K, N, C) of images (N, 1, H, W)."""
    plan = work.plan
    if isinstance(plan, Mixture):
        members = [
            replace(work, plan=member, checkpoint=_of_member(work.checkpoint, number))
            for number, member in enumerate(plan.members)
        ]
        return np.mean([probabilities(member, images) for member in members], axis=0)
    if isinstance(plan, Classifier):
        seen = plan.embed(images)
        number = work.targets[0].shape[1]
        return np.stack(
            [class_probabilities(fitted, seen, number) for fitted in _estimators(plan, work)]
        )
    assert isinstance(plan, Recipe)
    each = loop.probabilities(_network(plan, work), plan, images)
    return each.reshape(len(work.seeds), plan.ensemble, *each.shape[1:]).mean(1)


def _of_member(checkpoint: Path | None, number: int) -> Path | None:
    return checkpoint and checkpoint.with_stem(f"{checkpoint.stem}-{number}")


def _estimators(plan: Classifier, work: Work) -> list:
    replicates = zip(work.images, work.targets, work.seeds, strict=True)
    return [plan.fitted(*replicate) for replicate in replicates]


def _network(recipe: Recipe, work: Work) -> loop.Stack:
    """The trained networks, `recipe.ensemble` neighbours for each replicate."""
    images = [pixels for pixels in work.images for _ in range(recipe.ensemble)]
    targets = [labels for labels in work.targets for _ in range(recipe.ensemble)]
    seeds = [seed for replicate in work.seeds for seed in member_seeds(replicate, recipe.ensemble)]
    for state in loop.train(recipe, images, targets, seeds, work.device, work.checkpoint):  # noqa: B007
        pass
    return state.model


def member_seeds(seed: int, ensemble: int) -> list[int]:
    """Seeds of the networks of one replicate: its own for a single network."""
    if ensemble == 1:
        return [seed]
    return [int(s) for s in np.random.SeedSequence([seed, ensemble]).generate_state(ensemble)]


def _ridge(plan: Ridge, work: Work, scored: ImageSet) -> list[float]:
    pool = np.concatenate(work.images)
    kernel = PoolKernel.build(plan, pool, scored.images, scored.labels, work.seeds[0])
    subsets = np.arange(len(pool)).reshape(len(work.images), -1)
    replicates = zip(subsets, work.targets, held_by(work), strict=True)
    return [kernel.accuracy(*replicate) for replicate in replicates]
