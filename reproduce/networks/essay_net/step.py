"""A training step of the essay's net by SGD, compiled; several networks, one after the other.

The arithmetic is that of `reference.train_step` but for rounding. A network's step has the same
bits in any stack.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from reproduce.networks.essay_net import blocks, classifier, inner_gradients, outer_gradients
from reproduce.networks.models import EssayNet
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe


def fits(recipe: Recipe, model: Stack, width: int) -> bool:
    """Whether `step` trains this model, which the recipe describes, on the CPU.

    `width` is that of the images in pixels.
    """
    weight = next(model.parameters())
    return (
        recipe.has_compiled_step
        and recipe.batch <= blocks.BATCH
        and width <= blocks.WIDEST
        and weight.device.type == "cpu"
        and weight.element_size() == 4
    )


def step(model: Stack, x: Tensor, y: Tensor, noise: Tensor | None, rate: float) -> None:
    """Take one step of SGD for each network of a stack that `fits`, in place.

    Parameters
    ----------
    model : EssayNet
        K networks, float32.
    x : Tensor of shape (K, B, 1, H, W)
        Normalised images, B at most `blocks.BATCH`.
    y : Tensor of shape (K, B, C)
        Probabilities.
    noise : Tensor of shape (K, B, 70)
        Uniform in 0..1; dropout keeps what is below a half, doubled.
    rate : float
        Learning rate.
    """
    assert isinstance(model, EssayNet)
    assert noise is not None
    arrays = blocks.parameters(model.conv1, model.conv2, model.linear1, model.linear2)
    images = np.ascontiguousarray(x[:, :, 0].numpy())
    descend(images, y.contiguous().numpy(), noise.numpy(), np.float32(rate), arrays)


def descend(
    images: np.ndarray,
    targets: np.ndarray,
    noise: np.ndarray,
    rate: np.float32,
    arrays: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Take the step on arrays: images (K, B, H, W), and weight and bias of each layer, in place.

    Returns what `blocks.forward` returned before the step.
    """
    found = blocks.forward(images, *arrays[:4])
    seen, inner, inner_winner, outer, outer_winner = found
    back = classifier.descend(outer, noise, targets, *arrays[4:], rate)
    lines = outer_gradients.descend(back, inner, outer_winner, *arrays[2:4], rate)
    inner_gradients.descend(lines, inner_winner, seen, *arrays[:2], blocks.OF_WEIGHTS, rate)
    return found
