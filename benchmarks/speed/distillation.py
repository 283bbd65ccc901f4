"""What a distillation costs: updates per second, share of the machine's peak, memory by length.

Writes `results/benchmarks/distill.json`. One thread, in seconds of its processor time, so that the
figures depend neither on how many cores a machine has nor on what else runs on it.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from analysis.tables.bench import distill_cost, distill_memory
from distill import DistillConfig, Distiller
from distill.inner.steps import square_root
from distill.methods.unroll import Unroll
from reproduce import UserError, load
from reproduce.commands.terminal import say
from reproduce.support import provenance
from reproduce.support.files import write_whole

OUT = Path("results/benchmarks/distill.json")
LENGTHS = (4, 16, 64)
ROOMY = 1e3  # GiB: nothing is recomputed unless we say so


@dataclass(frozen=True)
class Case:
    """A method with settings as a user would run it."""

    name: str
    config: DistillConfig


CASES = (
    Case("krr, ipc 1", DistillConfig(method="krr", steps=10**6, pool=1)),
    Case("krr, ipc 10", DistillConfig(method="krr", ipc=10, steps=10**6, pool=1)),
    Case("unroll, ipc 1, 15 steps", DistillConfig(method="unroll", steps=10**6)),
    Case("unroll ridge, ipc 1, 10 steps of 100", DistillConfig(
        method="unroll", recipe="ridge", inner_steps=100, window=10, steps=10**6, pool=1
    )),
)  # fmt: skip


def peak_gflops() -> float:
    """The best of some products of 1024 x 1024 matrices, float32."""
    a = torch.rand(1024, 1024)
    best = min(_seconds(lambda: a @ a) for _ in range(10))
    return 2 * 1024**3 / best / 1e9


def _seconds(call: Any) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def measured(case: Case) -> dict[str, Any]:
    """Updates per second and arithmetic, over the life of one network of the pool.

    A run trains a new network every so many turns; of any that many turns, one does.
    """
    distiller = Distiller(load("mnist"), case.config)
    objective = distiller.objective
    youngest, oldest = objective.ages(objective.config, objective.synthetic.recipe.epochs)
    turns = max(5, (oldest - youngest) // distiller.config.stride + 1)
    updates = turns * (distiller.config.reuse or 1)

    def live() -> None:
        for _ in range(turns):
            distiller._turn()

    with FlopCounterMode(display=False) as counter:
        live()
    seconds = _seconds(live)
    return {
        "name": case.name,
        "updates": updates,
        "updates_per_second": updates / seconds,
        "gflop_per_update": counter.get_total_flops() / updates / 1e9,
        "gflops": counter.get_total_flops() / seconds / 1e9,
        "estimated_mib": distiller.bytes / 2**20,
        "config": asdict(distiller.config),
    }


def peak_mib(length: int, recomputed: bool) -> float:
    """Growth of the process's largest memory from an update through one inner step to `length`."""
    torch.set_num_threads(1)
    update(1, None)  # what any update takes, whatever its length
    before = largest_mib()
    update(length, square_root(length) if recomputed else None)
    return largest_mib() - before


def largest_mib() -> float:
    """The most memory that this process has taken so far."""
    try:
        import resource
    except ImportError:  # on Windows
        raise UserError("memory is measured on Linux and macOS alone") from None
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return taken / (2**20 if sys.platform == "darwin" else 2**10)


def update(length: int, segment: int | None) -> None:
    """One gradient through `length` inner steps; segments of so many are recomputed."""
    config = DistillConfig(
        method="unroll", recipe="ridge", inner_steps=length, window=0, batch=64, steps=1,
        memory=ROOMY, nets=1,
    )  # fmt: skip
    objective = Distiller(load("digits"), config).objective
    assert isinstance(objective, Unroll)
    objective.segment = segment
    objective.begin(0)
    objective.loss().backward()


def in_a_fresh_process(length: int, recomputed: bool) -> float:
    """`peak_mib` where nothing has been allocated before.

    Not even by this process: on Linux a child's largest memory begins with its parent's.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(peak_mib, (length, recomputed))


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    memory = [
        {
            "inner_steps": length,
            "kept_mib": in_a_fresh_process(length, False),
            "recomputed_mib": in_a_fresh_process(length, True),
        }
        for length in LENGTHS
    ]
    peak = peak_gflops()
    cases = [{**found, "share_of_peak": found["gflops"] / peak} for found in map(measured, CASES)]
    content = {
        "threads": 1,
        "peak_gflops": peak,
        "cases": cases,
        "memory": memory,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }
    write_whole(OUT, json.dumps(content, indent=1).encode())
    say(distill_cost(OUT.parents[1]), distill_memory(OUT.parents[1]))


if __name__ == "__main__":
    main()
