"""What a machine can do: its peak of arithmetic, seconds of a call, memory of the process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

import torch

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
