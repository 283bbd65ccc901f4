"""Stacks of replicates are computed here: in this process, its threads or worker processes."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

from reproduce.data import ImageSet
from reproduce.scoring.learners import Answer, Replicate, Where
from reproduce.support.processes import end_with_parent, interrupts_held
from reproduce.support.threads import backend_is_given, torch_threads

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8  # malloc.h
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
        libc.mallopt(M_ARENA_MAX, 1)  # threads share the heap for which all this is set


def run(
    waiting: Sequence[Sequence[Replicate]], images: ImageSet, places: Sequence[Where], workers: int
) -> Iterator[tuple[list[Answer], float]]:
    """Compute stacks by at most so many workers, and yield what `answers` returns of each.

    Workers are threads where that is as fast: they start at once, and share the memory that PyTorch
    takes. A joblib backend that the caller has set up computes the stacks instead, on all of its
    machines.
    """
    workers = min(workers, len(waiting))
    kind = _backend(waiting, workers)
    processes, threads = (kind.get("backend") == name for name in ("loky", "threading"))
    images = ImageSet(images.images, images.labels)  # float32, of which processes share one copy
    tasks = (
        joblib.delayed(answers)(stack, images, where)
        for stack, where in zip(waiting, places, strict=True)
    )
    # Threads share one setting: the first that ends must not give the others more of them.
    alone = _one_thread(torch_too=True) if threads else nullcontext()
    with joblib.parallel_config(**kind), alone:
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="all")
        with interrupts_held() if processes else nullcontext():  # the workers start here
            results = parallel(tasks)
        yield from results


def _backend(waiting: Sequence[Sequence[Replicate]], workers: int) -> dict[str, Any]:
    """What `joblib.parallel_config` is to set up; nothing where the caller has done so."""
    if backend_is_given():
        return {}
    if workers == 1:
        return {"backend": "sequential"}
    if all(workers <= stack[0].learner.threads for stack in waiting):
        return {"backend": "threading"}
    return {"backend": "loky", "inner_max_num_threads": 1, "initializer": end_with_parent}


def answers(
    stack: Sequence[Replicate], scored: ImageSet, where: Where
) -> tuple[list[Answer], float]:
    """What came of a stack, whose replicates share a learner, and the seconds that it took."""
    start = time.perf_counter()
    keep_freed_memory()
    learner = stack[0].learner
    # A stack is computed where it is: scikit-learn would share its trees out on a given backend.
    here = joblib.parallel_config(backend="sequential")
    with here, _one_thread(learner.uses_torch):
        found = learner.score(stack, scored, where)
    return found, time.perf_counter() - start


@contextmanager
def _one_thread(torch_too: bool) -> Iterator[None]:
    """Hold libraries of linear algebra, and PyTorch, to one thread.

    Small networks are fastest so, and sums are taken in one order however many cores there are.
    """
    with torch_threads(1) if torch_too else nullcontext(), threadpool_limits(1):
        yield
