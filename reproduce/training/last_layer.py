"""Ridge regression in the dual form: a solve of the set's size, for few images in long features."""

from __future__ import annotations

import torch
from torch import Tensor

from reproduce.errors import UserError


def dual_weights(kernel: Tensor, targets: Tensor, strength: float) -> Tensor:
    """What the answers weigh each training image with, (K, n, C).

    Answers are (kernel of new images with the training images) @ these.

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


def weights(features: Tensor, targets: Tensor, strength: float) -> Tensor:
    """Weights (K, F, C) from features (K, n, F) to targets (K, n, C); both float64."""
    across = features.transpose(1, 2)
    return across @ dual_weights(features @ across, targets, strength)
