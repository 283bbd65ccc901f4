"""Infinitely wide ReLU networks: their two kernels, in closed form.

An untrained network that is infinitely wide is a Gaussian process, whose covariance is its NNGP
kernel. Trained by gradient descent, it answers as kernel regression does with its tangent kernel,
the NTK (Jacot et al. 2018). Both follow, layer by layer, from the arc-cosine kernels (Cho and Saul
2009).

Convolutions have windows of 3x3 and zero padding, and the last layer sees every position. Then a
pair of images needs one number for each position and layer. Average pooling would need one for each
pair of positions. For ten images against 512 of MNIST that is 25 GB a layer and three minutes in
place of half a second, so that no pooling is offered here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BIAS = 1e-4  # variance of biases, as in Kernel-Inducing Points (Nguyen et al. 2021)


def conv_kernels(x: Tensor, y: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """NNGP kernel and NTK (n, m) of a convolutional network with a linear layer on top.

    Parameters
    ----------
    x, y : Tensor of shapes (n, 1, H, W) and (m, 1, H, W)
        As the network sees them. The time and the memory are those of about ten numbers of their
        type for each pair, pixel and layer.
    depth : int
        Layers with ReLU, at least 1.
    """
    ours, theirs = (images.square()[:, 0] for images in (x, y))  # variances, (n, H, W), (m, H, W)
    both = tangent = x * y[:, 0]
    for layer in range(depth):
        both, ours, theirs = (_mean_over_windows(part) + BIAS for part in (both, ours, theirs))
        tangent = both + _mean_over_windows(tangent) if layer else both
        # ReLU loses half of a variance, for which the weights of the next layer make up.
        both, slope = _relu(both, ours[:, None] * theirs)
        tangent = slope * tangent
    return both.mean((2, 3)), (both + tangent).mean((2, 3))


def _relu(both: Tensor, squared: Tensor) -> tuple[Tensor, Tensor]:
    """Twice the covariances after ReLU, and twice those of its slopes (Cho and Saul 2009, 1 and 0).

    At a cosine of 1 the second has no derivative. What is equal there stays so to first order, so
    that cutting cosines near 1, which makes their gradient 0, is right.
    """
    edge = 1 - 64 * torch.finfo(both.dtype).eps  # errors of rounding grow from layer to layer
    lengths = squared.sqrt()
    cosine = (both / lengths).clamp(-edge, edge)
    angle = torch.acos(cosine)
    slope = 1 - angle / math.pi
    sine = ((1 - cosine) * (1 + cosine)).sqrt()  # exact near a cosine of 1
    return lengths * (sine / math.pi + slope * cosine), slope


def _mean_over_windows(maps: Tensor) -> Tensor:
    """Means (..., H, W) over windows of 3x3, with zeros beyond the edges."""
    rows, columns = (_band(side, maps) for side in maps.shape[-2:])
    return rows @ (maps @ columns)  # half the time of PyTorch's pooling


def _band(side: int, like: Tensor) -> Tensor:
    """The matrix (side, side) that adds three neighbours and takes a third."""
    return like.new_full((side, side), 1 / 3).tril(1).triu(-1)
