"""2x2 pooling with its ReLU in one pass over memory.

As separate tensor operations these passes are a third of a training step, all of it memory
traffic. On the CPU they are compiled by numba; elsewhere they are made of tensor operations.

`pool` takes the maximum of four phases, which are a tensor (P, M, Q, N) with P * Q = 4: M maps of
N pooled positions, and four values to choose from, p + P * q. That is how a matrix product leaves
them, so nothing is moved first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from reproduce.support.jit import njit

DEAD = 4  # the winner where ReLU gives zero


def pool(phases: Tensor, bias: Tensor) -> Tensor:
    """ReLU of the largest phase plus bias.

    Parameters
    ----------
    phases : Tensor of shape (P, M, Q, N)
    bias : Tensor of B numbers
        Map m takes number m // (M / B).

    Returns
    -------
    Tensor of shape (M, N)
        Of equal phases the first takes the gradient. Twice differentiable.
    """
    return Pool.apply(phases, bias)


class Pool(Function):
    """`pool`; its gradient goes to the winner."""

    @staticmethod
    def forward(ctx: Any, phases: Tensor, bias: Tensor) -> Tensor:
        """Compare."""
        ctx.shapes = phases.shape, bias.shape
        compiled = phases.device.type == "cpu"
        out, winner = (compare if compiled else compare_tensors)(phases, bias)
        ctx.save_for_backward(winner)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of phases and bias."""
        return Scatter.apply(gradient, *ctx.saved_tensors, *ctx.shapes)


class Scatter(Function):
    """The gradient of `Pool`, linear in the gradient that it is given."""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, winner: Tensor, shape: torch.Size, biases: torch.Size
    ) -> tuple[Tensor, Tensor]:
        """Hand out."""
        ctx.save_for_backward(winner)
        ctx.per = shape[1] // biases.numel()
        compiled = gradient.device.type == "cpu"
        return (scatter if compiled else scatter_tensors)(gradient, winner, shape, biases)

    @staticmethod
    def backward(ctx: Any, phases: Tensor, bias: Tensor) -> tuple[Tensor, None, None, None]:
        """Take the winner's; differentiable as it stands."""
        (winner,) = ctx.saved_tensors
        spread = bias.flatten().repeat_interleave(ctx.per)[:, None]
        taken = sum(part * (winner == phase) for phase, part in enumerate(_four(phases)))
        return taken + spread * (winner != DEAD), None, None, None


def compare(phases: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """What `pool` gives, and the winners (M, N) int8."""
    maps, length = phases.shape[1], phases.shape[3]
    out = phases.new_empty(maps, length)
    winner = torch.empty(maps, length, dtype=torch.int8)
    flat = _flat(phases.contiguous()), _flat(bias.contiguous()), out.numpy(), winner.numpy()
    _compare(*flat, len(phases), maps // bias.numel())
    return out, winner


def compare_tensors(phases: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The same from tensor operations."""
    best, index = torch.stack(_four(phases)).max(0)
    best = best + bias.flatten().repeat_interleave(len(best) // bias.numel())[:, None]
    return torch.relu(best), index.masked_fill(best <= 0, DEAD).to(torch.int8)


def scatter(
    gradient: Tensor, winner: Tensor, shape: torch.Size, biases: torch.Size
) -> tuple[Tensor, Tensor]:
    """Gradients of phases and of bias."""
    phases, sums = gradient.new_empty(shape), gradient.new_zeros(biases)
    flat = gradient.detach().contiguous().numpy(), winner.numpy(), _flat(phases), _flat(sums)
    _scatter(*flat, shape[0], shape[1] // biases.numel())
    return phases, sums


def scatter_tensors(
    gradient: Tensor, winner: Tensor, shape: torch.Size, biases: torch.Size
) -> tuple[Tensor, Tensor]:
    """The same from tensor operations."""
    phases = torch.stack([gradient * (winner == phase) for phase in range(4)])
    phases = phases.view(shape[2], shape[0], *winner.shape).permute(1, 2, 0, 3)
    alive = (gradient * (winner != DEAD)).view(biases.numel(), -1)
    return phases, alive.sum(1).view(biases)


def _four(phases: Tensor) -> list[Tensor]:
    """The phases, (M, N) each."""
    return [part for column in phases.unbind(2) for part in column.unbind(0)]


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().view(-1).numpy()


@njit()
def _offset(phase: int, row: int, maps: int, length: int, width: int) -> int:
    """Where a phase of a map begins in phases of shape (width, maps, 4 / width, length)."""
    return ((phase % width * maps + row) * (4 // width) + phase // width) * length


@njit()
def _compare(
    phases: np.ndarray, bias: np.ndarray, out: np.ndarray, winner: np.ndarray, width: int, per: int
) -> None:
    maps, length = out.shape
    for row in range(maps):
        a = phases[_offset(0, row, maps, length, width) :]
        b = phases[_offset(1, row, maps, length, width) :]
        c = phases[_offset(2, row, maps, length, width) :]
        d = phases[_offset(3, row, maps, length, width) :]
        for n in range(length):
            best, index = a[n], np.int8(0)
            index = np.int8(1) if b[n] > best else index
            best = b[n] if b[n] > best else best
            index = np.int8(2) if c[n] > best else index
            best = c[n] if c[n] > best else best
            index = np.int8(3) if d[n] > best else index
            best = d[n] if d[n] > best else best
            best = best + bias[row // per]
            dead = best <= 0  # so that NaN stays NaN
            winner[row, n] = np.int8(4) if dead else index
            out[row, n] = np.float32(0) if dead else best


# Sums may be taken in any order; branches would keep the loops from being vectorised.
@njit(fastmath={"reassoc", "nsz"})
def _scatter(
    gradient: np.ndarray,
    winner: np.ndarray,
    phases: np.ndarray,
    bias: np.ndarray,
    width: int,
    per: int,
) -> None:
    maps, length = gradient.shape
    for row in range(maps):
        given, won = gradient[row], winner[row]
        for phase in range(4):
            start = _offset(phase, row, maps, length, width)
            out = phases[start : start + length]
            for n in range(length):
                out[n] = given[n] * np.float32(won[n] == phase)
        total = np.float32(0) * given[0]
        for n in range(length):
            total += given[n] * np.float32(won[n] != 4)
        bias[row // per] += total


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
