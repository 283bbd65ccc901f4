"""Maximum of four phases, bias and ReLU in one pass over memory, for 2x2 max-pooling.

As separate tensor operations this pass is a third of a training step, all of it memory traffic.
On the CPU it is compiled by numba; elsewhere it is made of tensor operations.

Phases are a tensor (P, M, Q, N) with P * Q = 4: M maps of N pooled positions, and four values to
choose from, p + P * q. That is how a matrix product leaves them, so nothing is moved first.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

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


@numba.njit(cache=True)
def _offset(phase: int, row: int, maps: int, length: int, width: int) -> int:
    """Where a phase of a map begins in phases of shape (width, maps, 4 / width, length)."""
    return ((phase % width * maps + row) * (4 // width) + phase // width) * length


@numba.njit(cache=True)
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
@numba.njit(cache=True, fastmath={"reassoc", "nsz"})
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
