"""Training and evaluating a stack of networks under one recipe."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reproduce.errors import UserError
from reproduce.images import expand
from reproduce.images.deskew import deskew
from reproduce.networks.essay_net import fused
from reproduce.networks.essay_net.compiled import LANES
from reproduce.networks.models import EssayNet, Stack, build
from reproduce.recipe import Recipe
from reproduce.training import checkpoint as checkpoints
from reproduce.training import last_layer
from reproduce.training.batches import Batches

EVALUATION_BYTES = 16 * 2**20  # first-layer activations scored at a time: what measured fastest
GPU_EVALUATION_BYTES = 2**30
HEAD_MOMENTUM = 0.9
SAVE_EVERY = 60.0  # seconds between checkpoints


@dataclass
class State:
    """What `train` yields after every epoch: the networks so far, and how far that is."""

    model: Stack
    epoch: int
    epochs: int


def train(
    recipe: Recipe,
    images: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    seeds: Sequence[int],
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
) -> Iterator[State]:
    """Train len(seeds) networks side by side, network k on (images[k], targets[k]) from seeds[k].

    Parameters
    ----------
    recipe : Recipe
    images : sequence of K ndarrays of shape (n, 1, H, W)
        Training images in pixel space, the same n for all.
    targets : sequence of K ndarrays of shape (n, C)
        Probabilities, or scores where the recipe's loss is `mse`.
    seeds : sequence of K int
        Replicate seeds: initialisation, batch order, dropout and augmentation follow from them.
    checkpoint : Path or None
        Read where it exists, and written about once a minute after an epoch: a training that was
        killed goes on to the same networks. It belongs to these very arguments, and one of others,
        or one that was damaged since, is refused.

    Yields
    ------
    State
        After each epoch; the last one holds the trained networks.

    Raises
    ------
    UserError
        When the recipe lists other than one learning rate for each step.
    """
    x, y = _prepared(recipe, images, targets)
    height, width = x.shape[-2:]
    model = build(recipe, (height, width), y.shape[-1], seeds).to(device)
    fused_steps = fused.fits(recipe, model, width)
    batches = Batches(recipe, x, y, seeds, model, torch.device(device), prepare=not fused_steps)
    _check_rates(recipe, batches.per_epoch * recipe.epochs)
    del x, y
    optimiser = _optimiser(recipe, model)
    done, saved_at = 0, time.monotonic()
    if checkpoint and checkpoint.exists():
        run = _run(recipe, images, targets, seeds)
        done = _restore(checkpoint, run, recipe.epochs, model, optimiser, batches)
        yield State(model, done, recipe.epochs)
    for epoch in range(done + 1, recipe.epochs + 1):
        if epoch == optimiser_began(recipe, epoch):
            optimiser = _optimiser(recipe, model)  # fresh momentum
        model.train()
        for step, (xb, yb, noise) in enumerate(batches.epoch()):
            turn = (epoch - 1) * batches.per_epoch + step
            rate = learning_rate(recipe, epoch, turn)
            if fused_steps:
                assert isinstance(model, EssayNet)
                assert noise is not None
                fused.step(model, xb, yb, noise, rate)
            else:
                loss = LOSSES[recipe.loss](model.answer(xb, noise), yb).sum()
                _descend(optimiser, loss, rate)
        last = epoch == recipe.epochs
        if checkpoint and not last and time.monotonic() - saved_at > SAVE_EVERY:
            state = {
                "epoch": epoch,
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "generators": [generator.get_state() for generator in batches.generators()],
            }
            checkpoints.save(checkpoint, _run(recipe, images, targets, seeds), state)
            saved_at = time.monotonic()
        if last and (recipe.ridge is not None or recipe.head_steps):
            x = (batches.x - recipe.mean) / recipe.std if recipe.distortion else batches.x
            finish_head(recipe, model, model.prepare(x.to(device)), batches.y.to(device))
        yield State(model, epoch, recipe.epochs)


def _check_rates(recipe: Recipe, steps: int) -> None:
    """UserError where a recipe lists other than one learning rate for each of its steps."""
    listed = len(recipe.learning_rates)
    if recipe.schedule == "list" and listed != steps:
        raise UserError(
            f"recipe: {listed} learning_rates for {steps} steps on this set; list one for each step"
        )


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    """One step of the optimiser along the loss's gradient."""
    optimiser.param_groups[0]["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _prepared(
    recipe: Recipe, images: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> tuple[Tensor, Tensor]:
    """Expanded and normalised images (K, n, 1, H, W), and their targets (K, n, C)."""
    if recipe.deskew:
        images = [deskew(pixels) for pixels in images]
    expanded = [
        expand.shift(pixels, labels, recipe.shifts)
        for pixels, labels in zip(images, targets, strict=True)
    ]
    x = torch.from_numpy(np.stack([pixels for pixels, _ in expanded]))
    y = torch.from_numpy(np.stack([labels for _, labels in expanded]))
    # Distortions work on pixels; what they make is normalised batch by batch.
    return (x if recipe.distortion else x.sub_(recipe.mean).div_(recipe.std)), y


def _run(
    recipe: Recipe,
    images: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    seeds: Sequence[int],
) -> str:
    """What a checkpoint belongs to: the recipe, the seeds, and a checksum of the training sets."""
    digest = hashlib.sha256()
    for array in (*images, *targets):
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{recipe.key()}, seeds {[int(seed) for seed in seeds]}, sets {digest.hexdigest()}"


def _restore(
    path: Path,
    run: str,
    epochs: int,
    model: Stack,
    optimiser: torch.optim.Optimizer,
    batches: Batches,
) -> int:
    """Set all state from a checkpoint; the epochs that it had done."""
    state = checkpoints.load(path, run)
    try:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        for generator, saved in zip(batches.generators(), state["generators"], strict=True):
            generator.set_state(saved)
        if state["epoch"] not in range(1, epochs):
            raise ValueError("epoch")
        return int(state["epoch"])
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise checkpoints.damaged(path, error) from None


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Each network's mean cross-entropy (K,) of logits (K, B, C) with probabilities (K, B, C)."""
    return -(targets * F.log_softmax(logits, dim=-1)).sum(-1).mean(-1)


def squared_error(scores: Tensor, targets: Tensor) -> Tensor:
    """Each network's squared error (K,) of scores (K, B, C), summed over classes, mean over B."""
    return (scores - targets).square().sum(-1).mean(-1)


LOSSES = {"cross-entropy": cross_entropy, "mse": squared_error}


@torch.no_grad()
def finish_head(recipe: Recipe, model: Stack, prepared: Tensor, targets: Tensor) -> None:
    """Solve the last layer, in float64, or let it descend, from prepared images to targets."""
    model.eval()
    features = model.features(prepared).contiguous()  # summed in one order in stacks of any size
    if recipe.ridge is None:
        weights = descended(features, targets, recipe.head_steps)
    else:
        weights = last_layer.weights(features.double(), targets.double(), recipe.ridge)
    model.head.weight.copy_(weights.transpose(1, 2))
    model.head.bias.zero_()


def descended(features: Tensor, targets: Tensor, steps: int) -> Tensor:
    """Weights (K, F, C) after gradient descent from zero on the squared error.

    The rate cannot be too large: the sum of squared features is the curvature's trace.

    Parameters
    ----------
    features, targets : Tensor of shapes (K, n, F) and (K, n, C)
    steps : int

    Raises
    ------
    UserError
        Where all features of a network are zero.
    """
    total = features.square().sum((1, 2), keepdim=True)
    if not total.all():
        raise last_layer.dead()
    rate = 1 / total
    weights = features.new_zeros(len(features), features.shape[2], targets.shape[2])
    velocity = torch.zeros_like(weights)
    for _ in range(steps):
        gradient = features.transpose(1, 2) @ (features @ weights - targets)
        velocity = HEAD_MOMENTUM * velocity + gradient
        weights = weights - rate * velocity
    return weights


def _optimiser(recipe: Recipe, model: Stack) -> torch.optim.Optimizer:
    if recipe.optimiser == "adam":
        return torch.optim.Adam(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )


def learning_rate(recipe: Recipe, epoch: int, step: int) -> float:
    """The rate in `epoch`, counted from 1, at `step`, counted from 0 over all epochs."""
    return risen(recipe, step) * _scheduled(recipe, epoch, step)


def risen(recipe: Recipe, step: int) -> float:
    """Part of the learning rate, 0 to 1, that warm-up allows at `step`, counted from 0."""
    return min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0


def optimiser_began(recipe: Recipe, epoch: int) -> int:
    """The epoch, counted from 1, that began with the momentum fresh which is in use in `epoch`."""
    second = recipe.epochs // 2 + 2
    return second if recipe.schedule == "halfway" and epoch >= second else 1


def _scheduled(recipe: Recipe, epoch: int, step: int) -> float:
    if recipe.schedule == "essay":
        return recipe.lr * 0.8 ** (epoch // 10 + 1)
    if recipe.schedule == "halfway":
        return recipe.lr if epoch <= recipe.epochs // 2 + 1 else recipe.lr / 10
    if recipe.schedule == "cosine":
        return recipe.lr * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / recipe.epochs))
    if recipe.schedule == "list":
        return recipe.learning_rates[step]
    return recipe.lr


def predict(model: Stack, recipe: Recipe, images: np.ndarray) -> np.ndarray:
    """Predicted classes (K, N), int64, of N images in pixel space (N, 1, H, W)."""
    blocks = [logits.argmax(-1).cpu() for logits in _logits(model, recipe, images)]
    return torch.cat(blocks, dim=1).numpy()


def probabilities(model: Stack, recipe: Recipe, images: np.ndarray) -> np.ndarray:
    """Class probabilities (K, N, C), float32, of N images in pixel space (N, 1, H, W)."""
    blocks = [logits.softmax(-1).cpu() for logits in _logits(model, recipe, images)]
    return torch.cat(blocks, dim=1).numpy()


@torch.no_grad()
def _logits(model: Stack, recipe: Recipe, images: np.ndarray) -> Iterator[Tensor]:
    """Logits (K, block, C), block by block."""
    model.eval()
    device = next(model.parameters()).device
    first = 10 if recipe.model == "conv" else (recipe.widths or (recipe.width,))[0]
    per_image = 4 * model.nets * first * images.shape[2] * images.shape[3]
    most = EVALUATION_BYTES if device.type == "cpu" else GPU_EVALUATION_BYTES
    block = -(-max(1, most // per_image) // LANES) * LANES
    images = deskew(images) if recipe.deskew else images
    for start in range(0, len(images), block):
        x = torch.tensor(images[start : start + block], device=device)  # a copy: may be read-only
        yield model.evaluate((x - recipe.mean) / recipe.std)
