"""Convolutions with 3x3 windows by Winograd's method F(4x4, 3x3) (Lavin & Gray 2016).

A tile of 4x4 outputs depends on a window of 6x6 inputs and on 3x3 weights. Windows and weights are
both taken at 36 *points*, multiplied there, and the tile is computed from the products. It is how
two polynomials are multiplied through their values at some numbers, here in two dimensions. For
each pair of channels a tile takes 36 products, where plain sums take 144. The products of one point
for all channels and tiles are one matrix product.

Each step is linear in what it is given, and its derivative is the same step transposed. So
gradients of every order pass, and they take as few products. The result differs from plain sums by
about 1e-5 of the largest value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from reproduce.networks import tiles
from reproduce.networks.tiles import TILE, WINDOW

POINTS = WINDOW * WINDOW
AT_ONCE = 2**23  # bytes of a network's points before the next images are begun: the fastest
# Smaller maps, fewer channels and fewer tiles take longer on their way to the points than they
# save: pixels a side, channels x pixels a side, tiles of all images.
NARROWEST, LEAST, FEWEST = 8, 768, 32
NUMBERS = (0.0, 1.0, -1.0, 2.0, -2.0)  # where polynomials are evaluated, beside infinity

Kernel = Callable[[np.ndarray, np.ndarray], None]


def _of_weights() -> Tensor:
    """Return (POINTS, 9): what 3x3 weights are multiplied by, row by row."""
    powers = np.zeros((WINDOW, 3))
    for point, number in enumerate(NUMBERS):
        scale = np.prod([number - other for other in NUMBERS if other != number])
        powers[point] = [number**power / scale for power in range(3)]
    powers[-1, -1] = 1
    return torch.from_numpy(np.kron(powers, powers))


OF_WEIGHTS = _of_weights()


def fits(x: Tensor, weight: Tensor, stride: int, padding: int) -> bool:
    """Whether `convolve` takes these maps and weights, and takes less time than plain sums.

    On several threads it would not: the ways to the points and back take one thread alone.

    Parameters
    ----------
    x : Tensor of shape (B, G * C, H, W)
    weight : Tensor of shape (K, O, C, height, width)
    stride, padding : int
        Of the convolution.
    """
    channels, side = min(weight.shape[1:3]), min(x.shape[2:])
    if weight.shape[3:] != (3, 3) or (stride, padding) != (1, 1) or side < NARROWEST:
        return False
    if {x.device.type, weight.device.type} != {"cpu"} or {x.dtype, weight.dtype} != {torch.float32}:
        return False
    large = channels * side >= LEAST and len(x) * _tiles(x) >= FEWEST
    return large and torch.get_num_threads() == 1


def convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve with stride 1 and padding 1; every derivative exists.

    Parameters
    ----------
    x : Tensor of shape (B, K * C, H, W)
        Maps that `fits`; or (B, C, H, W), which all networks share.
    weight : Tensor of shape (K, O, C, 3, 3)
    bias : Tensor of shape (K, O)

    Returns
    -------
    Tensor of shape (B, K * O, H, W)
    """
    kernels = OF_WEIGHTS.to(weight) @ weight.reshape(-1, 9).T.contiguous()
    kernels = kernels.view(POINTS, *weight.shape[:3])
    each = POINTS * _tiles(x) * max(weight.shape[1:3]) * x.element_size()
    parts = [_part(part, kernels) for part in x.split(max(1, AT_ONCE // each))]
    maps = torch.cat(parts) if len(parts) > 1 else parts[0]
    return maps.add_(bias.view(-1, 1, 1))


def _tiles(x: Tensor) -> int:
    """How many tiles cover a map."""
    return math.prod(-(-side // TILE) for side in x.shape[2:])


def _part(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve some images with kernels (POINTS, K, O, C)."""
    nets, outputs, inputs = kernels.shape[1:]
    groups = x.shape[1] // inputs
    count = len(x) * _tiles(x)
    windows = _Step.apply(x, tiles.of_windows, tiles.to_windows, (POINTS, x.shape[1], count))
    products = torch.bmm(
        kernels.view(POINTS * groups, -1, inputs), windows.view(POINTS * groups, inputs, count)
    ).view(POINTS, nets * outputs, count)
    shape = (len(x), nets * outputs, *x.shape[2:])
    maps: Tensor = _Step.apply(products, tiles.to_tiles, tiles.of_tiles, shape)
    return maps


class _Step(Function):
    """A linear step between maps (B, N, H, W) and points (POINTS, N, tiles).

    `kernel` fills the one from the other, `transposed` goes the opposite way.
    """

    @staticmethod
    def forward(
        ctx: Any, given: Tensor, kernel: Kernel, transposed: Kernel, shape: tuple[int, ...]
    ) -> Tensor:
        """Compute a result of this shape."""
        ctx.back = transposed, kernel, given.shape
        result = given.new_empty(shape)
        source, target = given.detach().contiguous().numpy(), result.numpy()
        maps, points = (source, target) if given.dim() == 4 else (target, source)
        points = points.reshape(WINDOW, WINDOW, maps.shape[1], len(maps), -1)
        kernel(maps, points)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Go back; differentiable as it stands."""
        return _Step.apply(gradient, *ctx.back), None, None, None
