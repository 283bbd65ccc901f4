"""What an update will take: memory measured on its parts, and how to unroll within a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from distill.inner import square_root
from reproduce.errors import UserError


@dataclass(frozen=True)
class UnrollPlan:
    """How to unroll.

    Attributes
    ----------
    window : int
        Inner steps that are differentiated.
    segment : int or None
        Steps whose graph is kept at a time; None: all.
    bytes : int
        About what an update then takes.
    """

    window: int
    segment: int | None
    bytes: int


def kept_bytes(compute: Callable[[], Any]) -> int:
    """Bytes of the distinct tensors that the graph of `compute()` keeps for the way back."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        held = compute()  # alive while we count, so that no address is used twice
    del held
    return sum(kept.values())


def plan_unroll(window: int, step: int, state: int, judged: int, limit: int) -> UnrollPlan:
    """Keep everything if it fits; else recompute in segments; else shorten the window, too.

    Parameters
    ----------
    window : int
        Steps that are to be differentiated.
    step, state, judged : int
        Bytes that one step's graph keeps, of the networks' state, and of the outer loss's graph.
    limit : int
        Bytes that there are. The way back needs about as much again for gradients, of one
        segment and of the outer loss, one after the other.

    Raises
    ------
    UserError
        When not even one step fits.
    """
    whole = window * step + judged + max(step, judged)
    if whole <= limit:
        return UnrollPlan(window, None, whole)
    for shorter in range(window, 0, -1):
        segment = square_root(shorter)
        needed = -(-shorter // segment) * state + segment * step + judged + max(step, judged)
        if needed <= limit:
            return UnrollPlan(shorter, segment, needed)
    raise too_large(needed)


def too_large(needed: int) -> UserError:
    """What to say where no way of computing fits."""
    return UserError(
        f"an update takes at least {needed / 2**30:.2f} GiB; give more --memory, or a smaller "
        "--batch or --width"
    )
