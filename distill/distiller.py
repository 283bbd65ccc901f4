"""The outer loop: make a set better at training fresh networks, with checkpoints.

Every outer step draws its networks and its real images from generators seeded by the step's
number, so a run that was killed and resumed is bit for bit the run that was not.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from distill.inner import unrolled_loss
from distill.learnable import SyntheticSet, start_images
from reproduce import checkpoint as checkpoints
from reproduce.candidate import Candidate
from reproduce.command import option
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.models import build
from reproduce.recipe import Recipe

STARTS = ("mean", "real", "noise")


@dataclass(frozen=True)
class DistillConfig:
    """Settings of a distillation by unrolled training.

    The set is learned through `inner_steps` of SGD with momentum on fresh networks (Wang et al.
    2018, with inner momentum and soft labels); the outer optimiser is Adam with a cosine schedule.
    """

    ipc: int = option(1, "Images per class.")
    steps: int = option(200, "Outer steps.")
    inner_steps: int = option(15, "Steps of SGD that a network is trained for on the set.")
    inner_lr: float = option(0.05, "Inner learning rate at the start; one per step is learned.")
    momentum: float = option(0.9, "Inner momentum.")
    nets: int = option(1, "Fresh networks per outer step.")
    batch: int = option(256, "Real images per outer step.")
    image_lr: float = option(0.01, "Outer learning rate of images, labels and log rates.")
    width: int = option(32, "Channels of the ConvNet.")
    depth: int = option(3, "Blocks of the ConvNet.")
    start: str = option("mean", "Images to start from: mean, real or noise.")
    seed: int = option(0, "Seed of starting images, networks and real batches.")

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise UserError(f"unknown start {self.start!r}, use one of {', '.join(STARTS)}")
        for name in ("ipc", "steps", "inner_steps", "nets", "batch", "width", "depth"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1")
        for name in ("inner_lr", "image_lr"):
            if not getattr(self, name) > 0:
                raise UserError(f"--{name.replace('_', '-')} must be positive")

    def recipe(self) -> Recipe:
        """The inner loop as a recipe, without the rates and the batch that the set brings."""
        return Recipe(
            model="convnet",
            mean=0.1307,
            std=0.3081,
            epochs=self.inner_steps,
            lr=self.inner_lr,
            momentum=self.momentum,
            width=self.width,
            depth=self.depth,
        )


@dataclass(frozen=True)
class State:
    """What `distill` yields after every outer step."""

    step: int
    steps: int
    loss: float
    gradient_norm: float
    learned: SyntheticSet


def distill(
    data: Dataset, config: DistillConfig, checkpoint: Path | None = None, every: int = 25
) -> Iterator[State]:
    """Learn a synthetic set, resuming from `checkpoint` where that file exists.

    Parameters
    ----------
    data : Dataset
        Only its training split is read.
    config : DistillConfig
    checkpoint : Path or None
        Written whole every `every` outer steps and at the end.

    Yields
    ------
    State
        After each outer step; at once the final one when the run had already ended.

    Raises
    ------
    UserError
        When the checkpoint is damaged or of another run, or the loss is no longer finite.
    """
    recipe = config.recipe()
    images, labels = start_images(data, config.ipc, config.start, config.seed)
    learned = SyntheticSet(images, labels, len(data.classes), config.inner_steps, config.inner_lr)
    optimiser = torch.optim.Adam(learned.parameters(), lr=config.image_lr)
    run = f"{json.dumps(dataclasses.asdict(config), sort_keys=True)} on {data.checksum}"
    step, loss, norm = 0, float("nan"), float("nan")
    if checkpoint and checkpoint.exists():
        step, loss, norm = _restore(checkpoint, run, learned, optimiser)
        yield State(step, config.steps, loss, norm, learned)
    while step < config.steps:
        cosine = 0.55 + 0.45 * np.cos(np.pi * step / config.steps)  # down to a tenth
        optimiser.param_groups[0]["lr"] = config.image_lr * float(cosine)
        optimiser.zero_grad()
        outer = _outer_loss(data, config, recipe, learned, step)
        outer.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0))
        loss = float(outer.detach())
        if not np.isfinite([loss, norm]).all():
            raise UserError(
                f"the loss is no longer finite at outer step {step}; the checkpoint before it is "
                "kept: try a smaller --image-lr or --inner-lr"
            )
        optimiser.step()
        step += 1
        if checkpoint and (step % every == 0 or step == config.steps):
            saved = {
                "step": step,
                "health": [loss, norm],
                "learned": learned.state_dict(),
                "optimiser": optimiser.state_dict(),
            }
            checkpoints.save(checkpoint, run, saved)
        yield State(step, config.steps, loss, norm, learned)


def finished_candidate(state: State, data: Dataset, config: DistillConfig, name: str) -> Candidate:
    """The learned set with its own recipe."""
    return state.learned.candidate(data, config.recipe(), name, config.seed)


def _outer_loss(
    data: Dataset, config: DistillConfig, recipe: Recipe, learned: SyntheticSet, step: int
) -> torch.Tensor:
    rng = np.random.default_rng([config.seed, step])
    seeds = rng.integers(2**31, size=config.nets).tolist()
    model = build(recipe, data.image_shape, len(data.classes), seeds)
    real = data.train.take(rng.integers(len(data.train), size=config.batch))
    return unrolled_loss(
        model,
        recipe,
        learned.images,
        learned.labels(),
        learned.rates(),
        torch.from_numpy(real.images),
        F.one_hot(torch.from_numpy(real.labels), len(data.classes)).float(),
    )


def _restore(
    path: Path, run: str, learned: SyntheticSet, optimiser: torch.optim.Optimizer
) -> tuple[int, float, float]:
    state = checkpoints.load(path, run)
    try:
        learned.load_state_dict(state["learned"])
        optimiser.load_state_dict(state["optimiser"])
        loss, norm = state["health"]
        return int(state["step"]), loss, norm
    except (RuntimeError, KeyError, ValueError) as error:
        raise checkpoints.damaged(path, error) from None
