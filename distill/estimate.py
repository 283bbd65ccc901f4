"""What a run will take: memory that stands, that of an update, and how to unroll within a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from distill.inner.steps import moments_of, square_root
from reproduce.errors import UserError
from reproduce.networks.models import MODELS
from reproduce.recipe import Recipe

# Beside the pool stand its older networks, which a guard may go back to, and both are in memory
# again while a checkpoint is written: measured.
POOLS = 5


@dataclass(frozen=True)
class Crowd:
    """What is kept beside the set.

    Attributes
    ----------
    nets : int
        Networks side by side in this process.
    slots : int
        Stacks of them in the pool.
    besides : int
        Networks beside the pool, without moments.
    batch : int
        Real images for each network.
    """

    nets: int
    slots: int
    besides: int
    batch: int


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


def standing_bytes(
    recipe: Recipe, image_shape: tuple[int, int], images: int, classes: int, crowd: Crowd
) -> int:
    """About what a process keeps between updates; nothing is allocated to find out.

    The pool counts as `POOLS` of them; the set ten times: as it is, its mean and the best, moments,
    and all of it once more for the guard.

    Parameters
    ----------
    recipe : Recipe
        Of the networks of the pool.
    image_shape : tuple of int
    images, classes : int
        Of the set.
    crowd : Crowd

    Raises
    ------
    UserError
        When images are too small for the network.
    """
    pixels = image_shape[0] * image_shape[1]
    with torch.device("meta"):
        stack = MODELS[recipe.model](1, image_shape, classes, recipe)
    network = sum(parameter.nbytes for parameter in stack.parameters())
    pool = crowd.nets * crowd.slots * (1 + moments_of(recipe)) * network
    real = 2 * 4 * crowd.nets * crowd.batch * pixels
    return POOLS * pool + crowd.besides * network + real + 10 * 4 * images * (pixels + classes)


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
    raise too_large(needed - limit)


def too_large(needed: int) -> UserError:
    """What to say where no way of computing fits."""
    return UserError(
        f"the run takes at least {needed / 2**30:.2g} GiB more than it has; give more --memory, or "
        "a smaller --batch, --width or --pool"
    )
