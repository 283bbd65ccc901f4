"""The essay's convolutional blocks without gradients, compiled: what most of an evaluation is.

Images lie side by side in vector lanes, so that every pixel of `LANES` of them is one stretch of
memory that fits in the first cache with its neighbours. Convolution, pooling and ReLU are one pass,
and nothing between them is written out. This takes half the time of the matrix products that
training needs for its gradients (`kernels`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from reproduce.support.jit import njit

LANES = 32  # images side by side; 16 and 64 are level
SIDE = 5  # of the convolution's window


def features(x: Tensor, blocks: Sequence[Any]) -> Tensor:
    """Two blocks of 5x5 convolution, 2x2 max-pooling and ReLU.

    Parameters
    ----------
    x : Tensor of shape (B, 1, H, W), float32 on the CPU
        Images that all K networks share.
    blocks : two modules
        With `weight` (K, O, C, 5, 5) and `bias` (K, O); O is even.

    Returns
    -------
    Tensor of shape (K, B, F)
        Maps, then rows, then columns. An image's do not depend on the others.
    """
    lanes = _in_lanes(x[:, 0].numpy())
    weight1, bias1, weight2, bias2 = (
        np.ascontiguousarray(parameter.detach().numpy())
        for block in blocks
        for parameter in (block.weight, block.bias)
    )
    outputs = weight2.shape[1]
    height, width = (((side - 4) // 2 - 4) // 2 for side in x.shape[2:])
    out = x.new_empty(len(weight1), len(x), outputs * height * width)
    _features(lanes, weight1, bias1, weight2, bias2, out.numpy())
    return out


def _in_lanes(images: np.ndarray) -> np.ndarray:
    """Images (B, H, W) as (blocks, H, W, LANES), the last block filled up with zeros."""
    blocks = -(-len(images) // LANES)
    padded = np.zeros((blocks * LANES, *images.shape[1:]), np.float32)
    padded[: len(images)] = images
    parts = padded.reshape(blocks, LANES, *images.shape[1:])
    return np.ascontiguousarray(parts.transpose(0, 2, 3, 1))


@njit()
def _features(
    lanes: np.ndarray,
    weight1: np.ndarray,
    bias1: np.ndarray,
    weight2: np.ndarray,
    bias2: np.ndarray,
    out: np.ndarray,
) -> None:
    blocks, height, width, _ = lanes.shape
    first, second = weight1.shape[1], weight2.shape[1]
    rows, columns = (height - 4) // 2, (width - 4) // 2
    inner = np.empty(first * rows * columns * LANES, np.float32)
    count = second * ((rows - 4) // 2) * ((columns - 4) // 2)
    outer = np.empty(count * LANES, np.float32)
    for block in range(blocks):
        x = lanes[block].ravel()
        wanted = min(LANES, out.shape[1] - block * LANES)
        for net in range(len(weight1)):
            _block(x, weight1[net].ravel(), bias1[net], inner, (1, height, width))
            _block(inner, weight2[net].ravel(), bias2[net], outer, (first, rows, columns))
            for image in range(wanted):
                target = out[net, block * LANES + image]
                for feature in range(count):
                    target[feature] = outer[feature * LANES + image]


# Slices, not sums of indices, and two outputs by two columns in one loop: so it is vectorised, and
# the ten weights of a row of the windows stay in registers.
@njit(fastmath={"contract", "nsz"})
def _block(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    shape: tuple[int, int, int],
) -> None:
    """Convolve, pool, ReLU: flat (C, H, W, LANES) with flat (O, C, 5, 5) to flat (O, H', W', L)."""
    channels, height, width = shape
    rows, columns = (height - 4) // 2, (width - 4) // 2
    sums = np.empty(8 * LANES, np.float32)
    for row in range(rows):
        for column in range(columns):
            for output in range(0, len(bias), 2):
                sums[:] = np.float32(0)
                for parity in range(2):
                    acc = sums[4 * LANES * parity : 4 * LANES * (parity + 1)]
                    for channel in range(channels):
                        for tap in range(SIDE):
                            line = (channel * height + 2 * row + parity + tap) * width + 2 * column
                            p = x[line * LANES : (line + 6) * LANES]
                            at = ((output * channels + channel) * SIDE + tap) * SIDE
                            u = weight[at : at + SIDE]
                            at += channels * SIDE * SIDE
                            v = weight[at : at + SIDE]
                            u0, u1, u2, u3, u4 = u[0], u[1], u[2], u[3], u[4]
                            v0, v1, v2, v3, v4 = v[0], v[1], v[2], v[3], v[4]
                            for n in range(LANES):
                                a, b, c = p[n], p[LANES + n], p[2 * LANES + n]
                                d, e, f = p[3 * LANES + n], p[4 * LANES + n], p[5 * LANES + n]
                                acc[n] += u0 * a + u1 * b + u2 * c + u3 * d + u4 * e
                                acc[LANES + n] += u0 * b + u1 * c + u2 * d + u3 * e + u4 * f
                                acc[2 * LANES + n] += v0 * a + v1 * b + v2 * c + v3 * d + v4 * e
                                acc[3 * LANES + n] += v0 * b + v1 * c + v2 * d + v3 * e + v4 * f
                for half in range(2):
                    at = ((output + half) * rows + row) * columns + column
                    target = out[at * LANES : (at + 1) * LANES]
                    phases, extra = sums[2 * half * LANES :], bias[output + half]
                    for n in range(LANES):
                        best = phases[n]
                        best = phases[LANES + n] if phases[LANES + n] > best else best
                        best = phases[4 * LANES + n] if phases[4 * LANES + n] > best else best
                        best = phases[5 * LANES + n] if phases[5 * LANES + n] > best else best
                        best = best + extra
                        dead = best <= 0  # so that NaN stays NaN
                        target[n] = np.float32(0) if dead else best
