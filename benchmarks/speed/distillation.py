"""What a distillation costs: updates per second, share of the machine's peak, memory by length.

Writes `results/benchmarks/distill.json`. One thread, in seconds of its processor time, so that the
figures depend neither on how many cores a machine has nor on what else runs on it.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from analysis.tables import distill as tables
from benchmarks.rows import FOLDER, write
from benchmarks.speed.machine import in_a_fresh_process, largest_mib, peak_gflops, seconds
from distill import DistillConfig, Distiller
from distill.inner.steps import square_root
from distill.methods.unroll import Unroll
from distill.objectives.networks import NetworkObjective
from reproduce import load
from reproduce.commands.application import application, run
from reproduce.commands.terminal import say

LENGTHS = (4, 16, 64)
ROOMY = 1e3  # GiB: nothing is recomputed unless we say so
ENDLESS = 10**6  # updates
CASES = {
    "krr, ipc 1": DistillConfig(method="krr", steps=ENDLESS, pool=1),
    "krr, ipc 10": DistillConfig(method="krr", ipc=10, steps=ENDLESS, pool=1),
    "unroll, ipc 1, 15 steps": DistillConfig(method="unroll", steps=ENDLESS),
    "unroll ridge, ipc 1, 10 steps of 100": DistillConfig(
        method="unroll", protocols=("ridge",), inner_steps=100, window=10, steps=ENDLESS, pool=1
    ),
}


def measured(name: str, config: DistillConfig, peak: float) -> dict[str, Any]:
    """Updates per second and arithmetic, over the life of one network of the pool.

    A run trains a new network every so many turns; of any that many turns, one does.
    """
    distiller = Distiller(load("mnist"), config)
    objective, config = distiller.objectives[0], distiller.config
    assert isinstance(objective, NetworkObjective)
    youngest, oldest = objective.pool.youngest, objective.pool.oldest
    turns = max(5, (oldest - youngest) // objective.pool.stride + 1)
    updates = turns * (config.reuse or 1)

    def live() -> None:
        for _ in range(turns):
            distiller._turn()

    with FlopCounterMode(display=False) as counter:
        live()
    taken, flop = seconds(live, time.process_time), counter.get_total_flops()
    return {
        "name": name,
        "updates": updates,
        "updates_per_second": updates / taken,
        "gflop_per_update": flop / updates / 1e9,
        "gflops": flop / taken / 1e9,
        "estimated_mib": distiller.bytes / 2**20,
        "config": asdict(config),
        "share_of_peak": flop / taken / 1e9 / peak,
    }


def through_the_essays_net(window: int, compiled: bool) -> dict[str, Any]:
    """Seconds of one gradient through `window` steps of `conv` on ten images; 0 is all that learn.

    What is not compiled is the same training by PyTorch's autograd.
    """
    config = DistillConfig(method="unroll", protocols=("conv",), window=window, steps=ENDLESS)
    objective = Distiller(load("mnist"), config).objectives[0]
    assert isinstance(objective, Unroll)
    objective.trainer.compiled = compiled
    objective.begin(0)
    objective.loss().backward()  # code is compiled at its first use
    objective.begin(0)
    taken = seconds(lambda: objective.loss().backward(), time.process_time)
    return {"inner_steps": objective.window, "compiled": compiled, "seconds": taken}


def peak_mib(length: int, recomputed: bool) -> float:
    """Growth of the process's largest memory from an update through one inner step to `length`."""
    torch.set_num_threads(1)
    update(1, None)  # what any update takes, whatever its length
    before = largest_mib()
    update(length, square_root(length) if recomputed else None)
    return largest_mib() - before


def update(length: int, segment: int | None) -> None:
    """One gradient through `length` inner steps; segments of so many are recomputed."""
    config = DistillConfig(
        method="unroll", protocols=("ridge",), inner_steps=length, window=0, batch=64, steps=1,
        memory=ROOMY, nets=1,
    )  # fmt: skip
    objective = Distiller(load("digits"), config).objectives[0]
    assert isinstance(objective, Unroll)
    objective.segment = segment
    objective.begin(0)
    objective.loss().backward()


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    memory = [
        {
            "inner_steps": length,
            "kept_mib": in_a_fresh_process(peak_mib, length, False),
            "recomputed_mib": in_a_fresh_process(peak_mib, length, True),
        }
        for length in LENGTHS
    ]
    peak = peak_gflops(time.process_time)
    net = [through_the_essays_net(n, c) for n in (80, 0) for c in (False, True)]
    cases = [measured(name, config, peak) for name, config in CASES.items()]
    write("distill", threads=1, peak_gflops=peak, cases=cases, memory=memory, essay_net=net)
    say(tables.cost(FOLDER.parent), tables.memory(FOLDER.parent), tables.essay_net(FOLDER.parent))


if __name__ == "__main__":
    run(application(main, help="Measure what distillation costs."))
