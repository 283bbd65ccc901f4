"""Stacks of replicates are computed here, in worker processes or in this one."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

import joblib
from joblib.externals.loky import process_executor

from reproduce.data import ImageSet
from reproduce.scoring.learners import Answer, Replicate, Where
from reproduce.support.processes import end_with_parent, interrupts_held
from reproduce.support.threads import torch_threads

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
LARGEST_HEAP_BLOCK = 2**25  # glibc takes no more
HELD_BYTES = 2**28

# Where psutil is installed, loky takes a worker that holds 300 MB more than after its first task
# for one that leaks, and starts another for seconds. Ours hold on to what they will need again.
process_executor._MAX_MEMORY_LEAK_SIZE = 2**60


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


def run(
    waiting: Sequence[Sequence[Replicate]], images: ImageSet, places: Sequence[Where], workers: int
) -> Iterator[tuple[list[Answer], float]]:
    """Compute stacks in so many processes at most; yield what `answers` returns, in their order."""
    workers = min(workers, len(waiting))
    tasks = (
        joblib.delayed(answers)(stack, images, where)
        for stack, where in zip(waiting, places, strict=True)
    )
    backend: dict[str, Any] = {"backend": "sequential"}
    if workers > 1:
        backend = {"backend": "loky", "inner_max_num_threads": 1, "initializer": end_with_parent}
    with joblib.parallel_config(**backend), torch_threads(1):  # small networks are fastest so
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="all")
        with interrupts_held() if workers > 1 else nullcontext():  # the workers start here
            results = parallel(tasks)
        yield from results


def answers(
    stack: Sequence[Replicate], scored: ImageSet, where: Where
) -> tuple[list[Answer], float]:
    """What came of a stack, whose replicates share a learner, and the seconds that it took."""
    start = time.perf_counter()
    hold_freed_memory()
    found = stack[0].learner.score(stack, scored, where)
    return found, time.perf_counter() - start
