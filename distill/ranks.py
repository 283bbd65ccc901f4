"""Several processes under `torchrun`: one set, gradients averaged over all."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

Shared = TypeVar("Shared")


def join() -> tuple[int, int]:
    """Rank of the process, and how many there are; connects them where `torchrun` started us.

    On GPUs each process takes the one of its number; numbers beside the set travel by gloo.
    """
    if "RANK" in os.environ and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
            dist.init_process_group("cpu:gloo,cuda:nccl")
        else:
            dist.init_process_group("gloo")
        # Its threads would otherwise outlive the interpreter, and a process that is done may abort.
        atexit.register(dist.destroy_process_group)
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def average(parameters: Iterable[nn.Parameter]) -> None:
    """Average the gradients of all processes, in every process."""
    _, ranks = join()
    if ranks > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= ranks


def mean(value: float) -> float:
    """The mean of all processes' numbers, the same in every process; not finite where one is not.

    So all processes take or leave a step together.
    """
    _, ranks = join()
    if ranks == 1:
        return value
    total = torch.tensor([value], dtype=torch.float64)
    dist.all_reduce(total)
    return float(total) / ranks


def gathered(part: Shared) -> list[Shared]:
    """What every process has, in their order, in the first process; nothing in the others."""
    rank, ranks = join()
    if ranks == 1:
        return [part]
    parts: list[Any] = [None] * ranks if rank == 0 else []
    dist.gather_object(part, parts if rank == 0 else None)
    return parts


def shared(value: Shared) -> Shared:
    """What the first process has, in every process: clocks differ, schedules must not."""
    _, ranks = join()
    if ranks == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values)
    return values[0]
