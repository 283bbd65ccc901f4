"""Stacks: replicates that are computed together, as many as memory and workers allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reproduce.scoring.learners import Replicate

STACK = 16  # networks trained side by side in one worker, where memory allows: fastest so
GPU_STACK = 256
# Of a stack on the CPU: larger networks gain nothing from neighbours, and would only take memory.
STACK_BYTES = 2**26


@dataclass(frozen=True)
class Limits:
    """What stacks have to fit.

    Attributes
    ----------
    workers : int
        Processes that share the stacks.
    device : str
    memory : float
        GiB, of all workers together.
    """

    workers: int
    device: str
    memory: float


def cut(replicates: Sequence[Replicate], limits: Limits) -> Iterator[list[Replicate]]:
    """Group replicates that can share tensors, in stacks that fit memory, enough for all workers.

    Replicates can share tensors where their learners are equal and their sets have equal sizes.
    """
    groups: dict[tuple[object, ...], list[Replicate]] = {}
    for one in replicates:
        # One kernel of one seed serves many sets.
        seed = one.seed if one.learner.shares_kernel else None
        groups.setdefault((one.learner.key(), len(one.candidate), seed), []).append(one)
    for group in groups.values():
        size = _stack_size(group, limits)
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _stack_size(group: Sequence[Replicate], limits: Limits) -> int:
    """How many replicates of a group share a stack."""
    workers, most = (limits.workers, STACK) if limits.device == "cpu" else (1, GPU_STACK)
    learner, memory = group[0].learner, limits.memory * 2**30 / workers
    if limits.device == "cpu" and learner.trains_networks:
        memory = min(memory, STACK_BYTES)
    size = learner.largest_stack(group[0].candidate, memory, most)
    if learner.shares_kernel:
        return size
    rounds = -(-len(group) // (size * workers))
    return -(-len(group) // (rounds * workers))  # all workers have about as much to do
