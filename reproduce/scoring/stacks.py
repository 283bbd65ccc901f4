"""Stacks: replicates that are trained together, as wide as memory and workers allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.recipe import Recipe
from reproduce.records import Record
from reproduce.scoring.learners import Classifier, Mixture, Plan
from reproduce.scoring.ridge_proxy import Ridge
from reproduce.scoring.worker import Work
from reproduce.training import loop

STACK = 16  # networks trained side by side in one worker, where memory allows: fastest so
GPU_STACK = 256
RIDGE_POOL = 4000  # training images that share one kernel


@dataclass(frozen=True)
class Job:
    """One replicate to compute: a candidate, its plan and a seed."""

    candidate: Candidate
    plan: Plan
    seed: int
    asked: Record  # its record, as far as it is known beforehand


@dataclass(frozen=True)
class Limits:
    """What stacks have to fit.

    Attributes
    ----------
    workers : int
        Processes that share the jobs.
    device : str
    memory : float
        GiB, of all workers together.
    """

    workers: int
    device: str
    memory: float


def cut(jobs: Sequence[Job], data: Dataset, limits: Limits) -> Iterator[list[Job]]:
    """Group jobs that can share tensors, in stacks that fit memory, enough for all workers."""
    groups: dict[tuple[str, int, int | None], list[Job]] = {}
    for job in jobs:
        # One kernel of one seed serves many subsets.
        seed = job.seed if isinstance(job.plan, Ridge) else None
        groups.setdefault((job.plan.key(), len(job.candidate), seed), []).append(job)
    for group in groups.values():
        width = _width(group, data, limits)
        for start in range(0, len(group), width):
            yield group[start : start + width]


def _width(group: Sequence[Job], data: Dataset, limits: Limits) -> int:
    """How many jobs of a group share a stack."""
    plan, n = group[0].plan, len(group[0].candidate)
    if isinstance(plan, Classifier):
        return 1
    if isinstance(plan, Ridge):
        return max(1, RIDGE_POOL // n)
    workers, most = (limits.workers, STACK) if limits.device == "cpu" else (1, GPU_STACK)
    size = most
    members = plan.members if isinstance(plan, Mixture) else (plan,)
    for recipe in members:
        if isinstance(recipe, Recipe):
            each = loop.bytes_per_network(recipe, n, data.image_shape, len(data.classes))
            fit = min(most, int(limits.memory * 2**30 / workers / each))
            size = max(1, min(size, fit // recipe.ensemble))
    rounds = -(-len(group) // (size * workers))
    return -(-len(group) // (rounds * workers))


def work_of(
    stack: list[Job], device: str, checkpoint: Path | None, held: Sequence[np.ndarray] = ()
) -> Work:
    """What a worker needs of a stack; `held` as `Work` has it."""
    candidates, plan = [job.candidate for job in stack], stack[0].plan
    wants_scores = isinstance(plan, Recipe) and plan.loss == "mse"
    return Work(
        plan,
        [candidate.images for candidate in candidates],
        [candidate.scores() if wants_scores else candidate.targets() for candidate in candidates],
        [job.seed for job in stack],
        device,
        checkpoint,
        held,
    )
