"""Deskewing: each digit is set upright and centred by the moments of its own ink."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from reproduce.support.constants import OnRecord

BLOCK = 2000  # images at a time
LEAST_INK = 1e-6  # sum of pixels below which an image is empty
ON_RECORD = OnRecord(__name__, {"LEAST_INK": 1e-6})


def deskew(images: np.ndarray) -> np.ndarray:
    """Shear each image until its ink's rows and columns are uncorrelated, and centre it.

    Parameters
    ----------
    images : ndarray of shape (n, 1, H, W)
        Pixel space; an image without ink stays as it is.

    Returns
    -------
    ndarray of the same shape, float32
    """
    blocks = torch.tensor(images[:, 0]).split(BLOCK)
    return torch.cat([upright(block) for block in blocks])[:, None].numpy()


def upright(images: torch.Tensor) -> torch.Tensor:
    """`deskew` of images (n, H, W), as a function that gradients pass through."""
    height, width = images.shape[1:]
    middle_row, middle_column, slant = _moments(images)
    y = (torch.arange(height).to(images) - (height - 1) / 2)[:, None].expand(height, width)
    x = (torch.arange(width).to(images) - (width - 1) / 2).expand(height, width)
    at_y = y + middle_row[..., None]  # (n, H, W): the row where each output pixel looks
    at_x = x + middle_column[..., None] + slant[..., None] * y
    grid = torch.stack([(2 * at_x + 1) / width - 1, (2 * at_y + 1) / height - 1], -1)
    return F.grid_sample(images[:, None], grid, align_corners=False)[:, 0]


def _moments(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the middle row, middle column and slant of each image's ink, (n, 1) each."""
    height, width = images.shape[1:]
    rows, columns = (torch.arange(side).to(images) for side in (height, width))
    ink = images.clamp(min=0)
    total = ink.sum((1, 2)).clamp(min=LEAST_INK)
    middle_row = (ink.sum(2) @ rows / total)[:, None]
    middle_column = (ink.sum(1) @ columns / total)[:, None]
    down, across = rows - middle_row, columns - middle_column  # (n, H), (n, W)
    covariance = torch.einsum("nhw,nh,nw->n", ink, down, across)
    variance = torch.einsum("nhw,nh->n", ink, down**2).clamp(min=LEAST_INK)
    empty = (ink.sum((1, 2)) < LEAST_INK)[:, None]
    middle_row = torch.where(empty, (height - 1) / 2, middle_row)
    middle_column = torch.where(empty, (width - 1) / 2, middle_column)
    return middle_row, middle_column, (covariance / variance)[:, None]
