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

from reproduce.data import ImageSet
from reproduce.scoring.learners import Answer, Replicate, Where
from reproduce.support.processes import end_with_parent, interrupts_held
from reproduce.support.threads import backend_is_given, torch_threads

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
LARGEST_HEAP_BLOCK = 2**25  # glibc takes no more
KEPT_BYTES = 2**28


@cache
def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next allocation, and not return it to the kernel.

    Each step allocates and frees megabytes. Two networks of `convnet` on ten images cause 40,000
    page faults in 6 epochs with this, and 1.7 million without, which take 4 to 7 of 11 to 17
    seconds. To `conv`, whose steps allocate little, it makes no difference. Other C libraries than
    glibc are left as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TOP_PAD, KEPT_BYTES)


def run(
    waiting: Sequence[Sequence[Replicate]], images: ImageSet, places: Sequence[Where], workers: int
) -> Iterator[tuple[list[Answer], float]]:
    """Compute stacks in at most so many processes, and yield what `answers` returns of each.

    A joblib backend that the caller has set up computes them instead, on all of its machines.
    """
    workers = min(workers, len(waiting))
    images = ImageSet(images.images, images.labels)  # float32, of which processes share one copy
    tasks = (
        joblib.delayed(answers)(stack, images, where)
        for stack, where in zip(waiting, places, strict=True)
    )
    backend: dict[str, Any] = {"backend": "sequential"}
    if backend_is_given():
        backend = {}
    elif workers > 1:
        backend = {"backend": "loky", "inner_max_num_threads": 1, "initializer": end_with_parent}
    with joblib.parallel_config(**backend):
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="all")
        with interrupts_held() if workers > 1 else nullcontext():  # the workers start here
            results = parallel(tasks)
        yield from results


def answers(
    stack: Sequence[Replicate], scored: ImageSet, where: Where
) -> tuple[list[Answer], float]:
    """What came of a stack, whose replicates share a learner, and the seconds that it took."""
    start = time.perf_counter()
    keep_freed_memory()
    learner = stack[0].learner
    # A stack is computed where it is: scikit-learn would share its trees out on a given backend.
    here = joblib.parallel_config(backend="sequential")
    with here, torch_threads(1) if learner.uses_torch else nullcontext():  # small networks: fastest
        found = learner.score(stack, scored, where)
    return found, time.perf_counter() - start
