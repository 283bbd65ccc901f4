"""The last layer alone: solved by ridge regression, or trained by gradient descent.

The ridge regression is in its dual form, which solves one equation for each image: sets have few
images, and features are long.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reproduce.errors import UserError
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe

MOMENTUM = 0.9


@torch.no_grad()
def finish(recipe: Recipe, model: Stack, prepared: Tensor, targets: Tensor) -> None:
    """Solve the last layer, in float64, or train it, as the recipe says.

    Parameters
    ----------
    recipe : Recipe
        With `ridge` or `head_steps`.
    model : Stack
        Its last layer is overwritten.
    prepared : Tensor
        The training images as `model.prepare` returns them.
    targets : Tensor of shape (K, n, C)
    """
    model.eval()
    features = model.features(prepared).contiguous()  # summed in one order in stacks of any size
    if recipe.ridge is None:
        weights = descended(features, targets, recipe.head_steps)
    else:
        weights = ridge_weights(features.double(), targets.double(), recipe.ridge)
    model.head.weight.copy_(weights.transpose(1, 2))
    model.head.bias.zero_()


def dual_weights(kernel: Tensor, targets: Tensor, strength: float) -> Tensor:
    """The weight of each training image in the answers, (K, n, C).

    Answers are (kernel of new images with the training images) @ these weights.

    Parameters
    ----------
    kernel : Tensor of shape (K, n, n)
        Of the training images with each other; float64, for kernels of few images are nearly
        singular.
    targets : Tensor of shape (K or 1, n, C)
        Of the same type.
    strength : float
        The ridge, in units of the mean of the kernel's diagonal.

    Raises
    ------
    UserError
        Where all features are zero.
    """
    ridge = strength * kernel.diagonal(dim1=1, dim2=2).mean(-1)
    eye = torch.eye(kernel.shape[1], dtype=kernel.dtype, device=kernel.device)
    ridged = kernel + ridge[:, None, None] * eye
    try:
        # One by one: a batched solve of matrices of 200 and more never returns on several threads
        # (torch 2.15 with MKL on the CPU).
        found = [
            torch.linalg.solve(one, y)
            for one, y in zip(ridged, targets.expand(len(kernel), -1, -1), strict=True)
        ]
        return torch.stack(found)
    except torch.linalg.LinAlgError:
        raise dead() from None


def dead() -> UserError:
    """What is said of a network without features."""
    return UserError(
        "a network died: all its features are zero, and nothing can be read from them; "
        "use a smaller learning rate or another seed"
    )


def ridge_weights(features: Tensor, targets: Tensor, strength: float) -> Tensor:
    """Weights (K, F, C) from features (K, n, F) to targets (K, n, C); both float64."""
    across = features.transpose(1, 2)
    return across @ dual_weights(features @ across, targets, strength)


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
        raise dead()
    rate = 1 / total
    weights = features.new_zeros(len(features), features.shape[2], targets.shape[2])
    velocity = torch.zeros_like(weights)
    for _ in range(steps):
        gradient = features.transpose(1, 2) @ (features @ weights - targets)
        velocity = MOMENTUM * velocity + gradient
        weights = weights - rate * velocity
    return weights
