"""The training loop: a stack of networks learns by one recipe.

`schedule` says which rate each step has, `batches` which images, `losses` what is minimised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reproduce.networks.essay_net import step as essay_step
from reproduce.networks.models import build
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.training import last_layer, schedule
from reproduce.training.batches import Batches, training_images, training_targets
from reproduce.training.draws import Draws
from reproduce.training.losses import LOSSES
from reproduce.training.optimiser import Optimiser
from reproduce.training.resume import Resume, identity


@dataclass
class State:
    """What `train` yields after every epoch: the networks so far, and the epochs that are done."""

    model: Stack
    epoch: int


def train(
    recipe: Recipe,
    images: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
) -> Iterator[State]:
    """Train K networks side by side: network k on images[k] and targets[k], from seeds[k].

    Parameters
    ----------
    recipe : Recipe
    images : sequence of K ndarrays of shape (n, 1, H, W)
        Training images in pixel space, the same n for all.
    targets : sequence of K ndarrays of shape (n, C)
        Probabilities, or scores where the recipe's loss is `mse`.
    seeds : sequence of K int
        Replicate seeds. Initialisation, batch order, dropout and augmentation follow from them.
    device : torch.device or str
    checkpoint : Path or None
        File that is read where it exists, and written about once a minute. A training that was
        killed goes on from it to the same networks.

    Yields
    ------
    State
        After each epoch; the last one holds the trained networks.

    Raises
    ------
    UserError
        When the recipe lists other than one learning rate for each step, and when the checkpoint is
        damaged or of a training with other arguments.
    """
    x = torch.stack([training_images(recipe, torch.tensor(pixels)) for pixels in images])
    y = torch.stack([training_targets(recipe, torch.tensor(labels)) for labels in targets])
    height, width = x.shape[-2:]
    model = build(recipe, (height, width), y.shape[-1], seeds).to(device)
    compiled = essay_step.fits(recipe, model, width)
    draws = Draws(recipe, len(images[0]), (height, width), seeds, model.noise)
    schedule.check_rates(recipe, draws.per_epoch * recipe.epochs)
    batches = Batches(recipe, x, y, draws, model, torch.device(device), prepare=not compiled)
    del x, y  # the batches hold what is needed of them
    optimiser = Optimiser(recipe, model.parameters())
    run = identity(recipe, images, targets, seeds) if checkpoint else ""
    resume = Resume(checkpoint, run, model, optimiser, draws)
    done = resume.restore(recipe.epochs)
    if done:
        yield State(model, done)
    for epoch in range(done + 1, recipe.epochs + 1):
        if epoch == schedule.optimiser_began(recipe, epoch):
            optimiser.forget()
        model.train()
        for step, (xb, yb, noise) in enumerate(batches.epoch(), draws.step):
            rate = schedule.learning_rate(recipe, epoch, step)
            if compiled:
                essay_step.step(model, xb, yb, noise, rate)
            else:
                loss = LOSSES[recipe.loss](model.answer(xb, noise), yb)  # (K,)
                _descend(optimiser, loss.sum(), rate)
        if epoch < recipe.epochs:
            resume.save(epoch)
        elif recipe.ridge is not None or recipe.head_steps:
            x, y = batches.whole()
            last_layer.finish(recipe, model, model.prepare(x), y)
        yield State(model, epoch)


def _descend(optimiser: Optimiser, loss: Tensor, rate: float) -> None:
    """One step of the optimiser along the loss's gradient."""
    for parameter in optimiser.parameters:
        parameter.grad = None
    loss.backward()
    optimiser.step(rate)
