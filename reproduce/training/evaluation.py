"""What trained networks say of images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from reproduce.images.deskew import deskew
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe

BYTES = 16 * 2**20  # first-layer activations that are computed at a time: what measured fastest
GPU_BYTES = 2**30


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
    most = BYTES if device.type == "cpu" else GPU_BYTES
    block = -(-max(1, most // per_image) // model.together) * model.together
    images = deskew(images) if recipe.reads_upright else images
    for start in range(0, len(images), block):
        x = torch.tensor(images[start : start + block], device=device)  # a copy: may be read-only
        yield model((x[None] - recipe.mean) / recipe.std)
