"""Several processes under `torchrun`: one set, gradients averaged over all."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


def join() -> tuple[int, int]:
    """Rank of the process, and how many there are; connects them where `torchrun` started us."""
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if not dist.is_initialized():
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def average(parameters: Iterable[nn.Parameter]) -> None:
    """Average the gradients of all processes, in every process."""
    if dist.is_initialized() and dist.get_world_size() > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= dist.get_world_size()


def agreed(value: float) -> float:
    """The first process's number, in every process: clocks differ, schedules must not."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return value
    shared: Tensor = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(shared, 0)
    return float(shared)
