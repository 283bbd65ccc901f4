"""What a machine can do: its peak of arithmetic, seconds of a call, memory of processes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import torch
from joblib.externals.loky import get_reusable_executor

from reproduce import UserError

Result = TypeVar("Result")


def timed(
    call: Callable[[], Result], clock: Callable[[], float] = time.perf_counter
) -> tuple[Result, float]:
    """The result of a call, and the seconds that it took by this clock."""
    begun = clock()
    result = call()
    return result, clock() - begun


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that a call takes by this clock."""
    return timed(call, clock)[1]


def peak_gflops(clock: Callable[[], float] = time.perf_counter) -> float:
    """GFLOP/s of the best of ten products of 1024 x 1024 matrices, in float32."""
    a = torch.rand(1024, 1024)
    return 2 * 1024**3 / min(seconds(lambda: a @ a, clock) for _ in range(10)) / 1e9


def largest_mib() -> float:
    """The most memory, in MiB, that this process has taken so far."""
    try:
        import resource
    except ImportError:  # on Windows
        raise UserError("memory is measured on Linux and macOS alone") from None
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return taken / (2**20 if sys.platform == "darwin" else 2**10)


def in_a_fresh_process(call: Callable[..., Result], *arguments: object) -> Result:
    """What a call returns where nothing has been allocated before.

    Not even by this process: on Linux a child's largest memory begins with its parent's.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_alone, call, *arguments).result()


def _alone(call: Callable[..., Result], *arguments: object) -> Result:
    """A call, after which the workers end that joblib would keep for minutes, and wait for."""
    try:
        return call(*arguments)
    finally:
        get_reusable_executor(reuse=True).shutdown()


class Memory:
    """The most memory that this process and all that it started take while the context is open.

    Looked at every `APART` seconds and in the end; a look takes 10 ms for each process. A page that
    processes share counts once (Linux's PSS).

    Attributes
    ----------
    mib : float
        The most so far, in MiB.
    """

    APART = 1.0

    def __init__(self) -> None:
        if not Path("/proc/self/smaps_rollup").exists():
            raise UserError("memory of several processes is measured on Linux alone")
        self.mib, self._ended = shared_mib(), threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._looking.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._ended.wait(self.APART):
            self.mib = max(self.mib, shared_mib())
        self.mib = max(self.mib, shared_mib())


def shared_mib() -> float:
    """MiB that this process and all that it started take now."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            after_name = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(after_name[1])
    family = {os.getpid()}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(map(_share_mib, family))


def _share_mib(process: int) -> float:
    """A process's memory in MiB, with its part of what it shares; 0 where it has ended."""
    with contextlib.suppress(OSError):
        told = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
        for line in told.splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
