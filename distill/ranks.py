"""Several processes under `torchrun`: one set, gradients averaged over all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


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


def mean(value: float) -> float:
    """The mean of all processes' numbers, the same in every process; not finite where one is not.

    So all processes take or leave a step together.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return value
    total = torch.tensor([value], dtype=torch.float64)
    dist.all_reduce(total)
    return float(total) / dist.get_world_size()


def gathered(part: Any) -> list[Any]:
    """What every process has, in their order, in the first process; nothing in the others."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return [part]
    first = dist.get_rank() == 0
    parts: list[Any] = [None] * dist.get_world_size() if first else []
    dist.gather_object(part, parts if first else None)
    return parts


def shared(thing: Any) -> Any:
    """What the first process has, in every process."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return thing
    things = [thing]
    dist.broadcast_object_list(things)
    return things[0]
