"""Expansion: more training images made from few, by moving them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def shift(images: np.ndarray, labels: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Every image at every displacement of up to `reach` pixels, edges filled with zeros.

    Parameters
    ----------
    images : ndarray of shape (n, 1, H, W)
    labels : ndarray of shape (n,) or (n, C)
    reach : int
        0 gives the input back; 1 the essay's nine copies, 2 its 25.

    Returns
    -------
    images : ndarray of shape (n * (2 * reach + 1) ** 2, 1, H, W)
        All copies of the first image, then of the second, and so on.
    labels : ndarray
        The labels, repeated likewise.
    """
    if reach == 0:
        return images, labels
    import torch

    moved = shifted(torch.tensor(images), reach).numpy()
    return moved, labels.repeat(len(moved) // len(images), 0)


def shifted(images: Tensor, reach: int) -> Tensor:
    """The images of `shift`, as a function that gradients pass through."""
    import torch
    import torch.nn.functional as F

    height, width = images.shape[2:]
    framed = F.pad(images, [reach] * 4)
    places = [(y, x) for y in range(2 * reach + 1) for x in range(2 * reach + 1)]
    copies = [framed[:, :, y : y + height, x : x + width] for y, x in places]
    return torch.stack(copies, 1).flatten(0, 1)
