"""ReLU and the mean over 2x2 pixels in one pass over memory.

As separate tensor operations the two are a third of a ConvNet's training step, all of it memory
traffic. On the CPU they are compiled; on other devices PyTorch's operations do the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from reproduce.support.jit import njit


def relu_mean(x: Tensor) -> Tensor:
    """Mean of ReLU over 2x2 pixels: (B, C, H, W) to (B, C, H // 2, W // 2).

    Twice differentiable.
    """
    if x.device.type != "cpu" or x.dtype == torch.bfloat16:  # which numpy does not know
        return F.avg_pool2d(F.relu(x), 2)
    return ReluMean.apply(x)


class ReluMean(Function):
    """`relu_mean` on the CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Average."""
        x = x.contiguous()
        ctx.save_for_backward(x)
        out = x.new_empty(*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)
        _average(_maps(x), _maps(out))
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Gradient of x."""
        return ReluMeanGradient.apply(gradient, *ctx.saved_tensors)


class ReluMeanGradient(Function):
    """The gradient of `ReluMean`, linear in the gradient that it is given."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor) -> Tensor:
        """Hand a quarter to each pixel that was positive."""
        ctx.save_for_backward(x)
        out = torch.zeros_like(x)
        _quarter(_maps(gradient.contiguous()), _maps(x), _maps(out))
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Average what came to positive pixels; differentiable as it stands."""
        (x,) = ctx.saved_tensors
        return F.avg_pool2d(gradient * (x > 0), 2), None


def _maps(tensor: Tensor) -> np.ndarray:
    return tensor.detach().flatten(0, 1).numpy()


@njit()
def _average(x: np.ndarray, out: np.ndarray) -> None:
    quarter, nothing = np.float32(0.25), np.float32(0)
    for map_ in range(out.shape[0]):
        for row in range(out.shape[1]):
            upper, lower, line = x[map_, 2 * row], x[map_, 2 * row + 1], out[map_, row]
            for n in range(out.shape[2]):
                a, b, c, d = upper[2 * n], upper[2 * n + 1], lower[2 * n], lower[2 * n + 1]
                # Compared so that NaN stays NaN.
                a = nothing if a <= 0 else a
                b = nothing if b <= 0 else b
                c = nothing if c <= 0 else c
                d = nothing if d <= 0 else d
                line[n] = ((a + b) + (c + d)) * quarter


@njit()
def _quarter(gradient: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    quarter = np.float32(0.25)
    for map_ in range(gradient.shape[0]):
        for row in range(2 * gradient.shape[1]):
            given, seen, line = gradient[map_, row // 2], x[map_, row], out[map_, row]
            for n in range(gradient.shape[2]):
                each = given[n] * quarter
                line[2 * n] = each * np.float32(seen[2 * n] > 0)
                line[2 * n + 1] = each * np.float32(seen[2 * n + 1] > 0)
