"""The two convolutional blocks of the essay's net, compiled: 5x5 convolution, 2x2 maximum, ReLU.

Ten images, a batch of the essay, lie side by side in memory, and a row of a map holds its even
columns before its odd ones. So the four values of a pooling window lie in four separate stretches
of memory, and each innermost loop runs over one stretch of constant length, which compilers turn
into vector instructions. Convolution and pooling are one pass, and nothing between them is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from reproduce.support.jit import njit

BATCH = 10  # images side by side; of fewer images, the rest is computed and not used
SIDE = 5  # of a convolution's window
CHUNK = 40  # numbers in one pass of the innermost loop: five vectors
HALF = 160  # numbers in every second column of a row, filled up to whole chunks
WIDEST = 2 * HALF // BATCH  # pixels
DEAD = 4  # the winner of a pooling window where ReLU gives zero


def fit(x: Tensor) -> bool:
    """Whether `evaluate` takes images (B, C, H, W) of this shape, type and device."""
    narrow = x.shape[1] == 1 and x.shape[3] <= WIDEST
    return narrow and x.device.type == "cpu" and x.dtype == torch.float32


def parameters(*layers: Any) -> list[np.ndarray]:
    """Weight and bias of each layer, as arrays that share the layers' memory."""
    return [t.detach().numpy() for layer in layers for t in (layer.weight, layer.bias)]


def evaluate(x: Tensor, conv1: Any, conv2: Any) -> Tensor:
    """Compute both blocks without gradients.

    Parameters
    ----------
    x : Tensor of shape (B, 1, H, W)
        Images that `fit` and that all K networks share.
    conv1, conv2 : two modules
        With `weight` (K, O, C, 5, 5) and `bias` (K, O); O is even.

    Returns
    -------
    Tensor of shape (K, B, F)
        Maps, then rows, then columns. An image's features do not depend on the other images.
    """
    weights = parameters(conv1, conv2)
    height, width = (((side - 4) // 2 - 4) // 2 for side in x.shape[2:])
    features = x.new_empty(len(weights[0]), len(x), weights[2].shape[1] * height * width)
    _evaluate(np.ascontiguousarray(x[:, 0].numpy()), *weights, features.numpy())
    return features


@njit()
def _evaluate(
    images: np.ndarray,
    weight1: np.ndarray,
    bias1: np.ndarray,
    weight2: np.ndarray,
    bias2: np.ndarray,
    features: np.ndarray,
) -> None:
    """Fill features (K, B, F) of images (B, H, W), ten images at a time."""
    count, height, width = images.shape
    x = np.zeros((1, height, width, BATCH), np.float32)
    inner, inner_winner = _maps(weight1.shape[1], height, width)
    outer, outer_winner = _maps(weight2.shape[1], inner.shape[1], inner.shape[2])
    flat = outer.reshape(-1, BATCH)
    for start in range(0, count, BATCH):
        stop = min(start + BATCH, count)
        _side_by_side(images[start:stop], x[0])
        halves = _halves(x)
        for net in range(len(weight1)):
            _block(halves, weight1[net], bias1[net], inner, inner_winner, False)
            _block(_halves(inner), weight2[net], bias2[net], outer, outer_winner, False)
            for image in range(stop - start):
                for feature in range(len(flat)):
                    features[net, start + image, feature] = flat[feature, image]


@njit()
def forward(
    images: np.ndarray,
    weight1: np.ndarray,
    bias1: np.ndarray,
    weight2: np.ndarray,
    bias2: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compute both blocks of a training step.

    Parameters
    ----------
    images : ndarray of shape (K, B, H, W)
        B is at most `BATCH`.
    weight1, bias1, weight2, bias2 : ndarray
        Of shapes (K, C, 1, 5, 5), (K, C), (K, O, C, 5, 5) and (K, O); C and O are even.

    Returns
    -------
    x : ndarray of shape (K, H, W, BATCH)
        The images side by side.
    inner, inner_winner : ndarray of shape (K, C, H', W', BATCH)
        The first block's maps; which of the four values in a pooling window was the largest.
    outer, outer_winner : ndarray of shape (K, O, H'', W'', BATCH)
        The same of the second block.
    """
    nets, _, height, width = images.shape
    channels, outputs = weight1.shape[1], weight2.shape[1]
    x = np.zeros((nets, height, width, BATCH), np.float32)
    rows, columns = (height - 4) // 2, (width - 4) // 2
    inner = np.empty((nets, channels, rows, columns, BATCH), np.float32)
    inner_winner = np.empty(inner.shape, np.int8)
    outer = np.empty((nets, outputs, (rows - 4) // 2, (columns - 4) // 2, BATCH), np.float32)
    outer_winner = np.empty(outer.shape, np.int8)
    for net in range(nets):
        _side_by_side(images[net], x[net])
        halves = _halves(x[net : net + 1])
        _block(halves, weight1[net], bias1[net], inner[net], inner_winner[net], False)
        halves = _halves(inner[net])
        _block(halves, weight2[net], bias2[net], outer[net], outer_winner[net], False)
    return x, inner, inner_winner, outer, outer_winner


@njit()
def tangents(
    x: np.ndarray,
    inner: np.ndarray,
    inner_winner: np.ndarray,
    outer_winner: np.ndarray,
    weight2: np.ndarray,
    way1: np.ndarray,
    way_bias1: np.ndarray,
    way2: np.ndarray,
    way_bias2: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """How fast the maps of both blocks change while the parameters move along a direction.

    Parameters
    ----------
    x, inner, inner_winner, outer_winner : ndarray
        As `forward` returns them.
    weight2 : ndarray of shape (K, O, C, 5, 5)
    way1, way_bias1, way2, way_bias2 : ndarray
        The direction, of the shapes of the parameters.

    Returns
    -------
    inner, outer : ndarray
        Derivatives of the maps, of their shapes.
    """
    first = np.empty(inner.shape, np.float32)
    second = np.empty(outer_winner.shape, np.float32)
    for net in range(len(x)):
        halves = _halves(x[net : net + 1])
        _block(halves, way1[net], way_bias1[net], first[net], inner_winner[net], True)
        # The second block's input and its weights both move: twice as many channels.
        halves = _halves(np.concatenate((inner[net], first[net])))
        weights = np.concatenate((way2[net], weight2[net]), axis=1)
        _block(halves, weights, way_bias2[net], second[net], outer_winner[net], True)
    return first, second


@njit()
def _maps(channels: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return empty maps of a block on images (height, width), and the winners of their pooling."""
    shape = (channels, (height - 4) // 2, (width - 4) // 2, BATCH)
    return np.empty(shape, np.float32), np.empty(shape, np.int8)


@njit()
def _side_by_side(images: np.ndarray, out: np.ndarray) -> None:
    """Write images (B, H, W) into (H, W, BATCH)."""
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            for image in range(len(images)):
                out[row, column, image] = images[image, row, column]


@njit()
def _halves(x: np.ndarray) -> np.ndarray:
    """Return (C, H, W, BATCH) as flat (C, H, 2, HALF), even columns of a row before odd ones."""
    channels, height, width = x.shape[:3]
    out = np.zeros(channels * height * 2 * HALF + CHUNK, np.float32)
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                line = (channel * height + row) * 2 + column % 2
                target = out[line * HALF + column // 2 * BATCH :]
                for n in range(BATCH):
                    target[n] = x[channel, row, column, n]
    return out


@njit(fastmath={"contract", "nsz"})
def _block(
    halves: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    winner: np.ndarray,
    known: bool,
) -> None:
    """Convolve `_halves`, pool, ReLU: fill (O, H', W', BATCH) and the winners of its pooling.

    Where the winners are known, take them instead.
    """
    channels = weight.shape[1]
    flat, length = weight.ravel(), out.shape[2] * BATCH
    height = len(halves) // (channels * 2 * HALF)
    sums = np.empty(8 * HALF, np.float32)
    for output in range(0, len(bias), 2):
        for row in range(out.shape[1]):
            sums[:] = np.float32(0)
            for parity in range(2):
                for channel in range(channels):
                    for tap in range(SIDE):
                        line = (channel * height + 2 * row + parity + tap) * 2 * HALF
                        at = ((output * channels + channel) * SIDE + tap) * SIDE
                        other = at + channels * SIDE * SIDE
                        u, v, acc = flat[at:], flat[other:], sums[4 * parity * HALF :]
                        _add(halves[line:], u, v, acc, length)
            for half in range(2):
                phases, number = sums[2 * half * HALF :], output + half
                target, chosen = out[number, row].ravel(), winner[number, row].ravel()
                if known:
                    _take(phases, bias[number], target, chosen)
                else:
                    _pool(phases, bias[number], target, chosen)


# One slice that is read and one that is written, constants between and a constant length: so the
# innermost loop is vectors alone, and nothing has to be compared before it begins. numba inlines
# the function, because four thousand calls a step would take longer than the arithmetic.
@njit(inline="always")
def _add(x: np.ndarray, u: np.ndarray, v: np.ndarray, sums: np.ndarray, length: int) -> None:
    """Add one row of two windows, u and v, times a line of `_halves`.

    `sums` holds the even and the odd columns of u's output, then those of v's.
    """
    u0, u1, u2, u3, u4 = u[0], u[1], u[2], u[3], u[4]
    v0, v1, v2, v3, v4 = v[0], v[1], v[2], v[3], v[4]
    for start in range(0, length, CHUNK):
        p, acc = x[start:], sums[start:]
        for n in range(CHUNK):
            e, f = p[n], p[HALF + n]
            g, h = p[BATCH + n], p[HALF + BATCH + n]
            i, j = p[2 * BATCH + n], p[HALF + 2 * BATCH + n]
            acc[n] += u0 * e + u1 * f + u2 * g + u3 * h + u4 * i
            acc[HALF + n] += u0 * f + u1 * g + u2 * h + u3 * i + u4 * j
            acc[2 * HALF + n] += v0 * e + v1 * f + v2 * g + v3 * h + v4 * i
            acc[3 * HALF + n] += v0 * f + v1 * g + v2 * h + v3 * i + v4 * j


@njit()
def _pool(phases: np.ndarray, bias: np.float32, target: np.ndarray, winner: np.ndarray) -> None:
    """ReLU of the largest of four phases plus bias, and which it was: left, right, then below."""
    for n in range(len(target)):
        best, index = phases[n], np.int8(0)
        index = np.int8(1) if phases[HALF + n] > best else index
        best = phases[HALF + n] if phases[HALF + n] > best else best
        index = np.int8(2) if phases[4 * HALF + n] > best else index
        best = phases[4 * HALF + n] if phases[4 * HALF + n] > best else best
        index = np.int8(3) if phases[5 * HALF + n] > best else index
        best = phases[5 * HALF + n] if phases[5 * HALF + n] > best else best
        best = best + bias
        dead = best <= 0  # so that NaN stays NaN
        winner[n] = np.int8(DEAD) if dead else index
        target[n] = np.float32(0) if dead else best


@njit()
def _take(phases: np.ndarray, bias: np.float32, target: np.ndarray, winner: np.ndarray) -> None:
    """Of four phases, in the order of `_pool`, the one that won, plus bias; 0 where none did."""
    for n in range(len(target)):
        index = winner[n]
        taken = phases[index // 2 * 4 * HALF + index % 2 * HALF + n] if index != DEAD else -bias
        target[n] = taken + bias
