"""The two convolutional blocks of the essay's net backward, compiled: gradients and their step.

Behind max-pooling, ReLU and dropout one activation in a dozen has a gradient. These loops visit
those alone, which a matrix product cannot.
"""

from __future__ import annotations

import numpy as np

from reproduce.support.jit import njit

BATCH, SIDE, DEAD = 10, 5, 4  # as in `blocks`; numba would not notice a change there
CHANNELS = 10  # of the first block
WINDOW = 56  # a row of the second windows, 5 columns of 10 channels, filled up to whole vectors
ZERO = np.float32(0)
FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in any order


def descend(
    back: np.ndarray,
    x: np.ndarray,
    inner: np.ndarray,
    inner_winner: np.ndarray,
    outer_winner: np.ndarray,
    weight1: np.ndarray,
    bias1: np.ndarray,
    weight2: np.ndarray,
    bias2: np.ndarray,
    rate: np.float32,
) -> None:
    """Take a step of the convolutions, in place.

    Parameters
    ----------
    back : ndarray of shape (K, B, O, P)
        The gradient of the second block's maps.
    x, inner, inner_winner, outer_winner : ndarray
        As `blocks.forward` returns them.
    weight1, bias1, weight2, bias2 : ndarray
        As `blocks.forward` takes them.
    rate : float32
    """
    taps = windows(weight2)
    change = np.zeros_like(taps)
    for net in range(len(back)):
        _step(
            back[net], x[net], inner[net], inner_winner[net], outer_winner[net], weight1[net],
            bias1[net], taps[net], bias2[net], change[net], rate,
        )  # fmt: skip
    weight2 -= rate * of_windows(change)


def windows(weight: np.ndarray) -> np.ndarray:
    """Weights (K, O, C, 5, 5) as (K, O, 5, WINDOW): channels column by column, then zeros."""
    taps = np.zeros((*weight.shape[:2], SIDE, WINDOW), np.float32)
    taps[..., : SIDE * CHANNELS] = weight.transpose(0, 1, 3, 4, 2).reshape(*taps.shape[:3], -1)
    return taps


def of_windows(taps: np.ndarray) -> np.ndarray:
    """Weights (K, O, C, 5, 5) that lie in the order of `windows`."""
    used = taps[..., : SIDE * CHANNELS]
    return used.reshape(*taps.shape[:3], SIDE, CHANNELS).transpose(0, 1, 4, 2, 3)


@njit()
def _step(
    back: np.ndarray,
    x: np.ndarray,
    inner: np.ndarray,
    inner_winner: np.ndarray,
    outer_winner: np.ndarray,
    weight1: np.ndarray,
    bias1: np.ndarray,
    taps: np.ndarray,
    bias2: np.ndarray,
    change: np.ndarray,
    rate: np.float32,
) -> None:
    """Take one network's step, but for the second weights, whose gradient is added to `change`."""
    seen = gathered(inner, len(back))
    gradient = np.zeros_like(seen)
    columns = inner.shape[2]
    for n in range(len(back)):
        _second(back[n], outer_winner, n, seen[n], taps, gradient[n], change, columns)
    spread = scattered(gradient, inner_winner)
    for number in range(len(bias2)):
        bias2[number] -= rate * taken(back[:, number], outer_winner[number])
    for channel in range(CHANNELS):
        bias1[channel] -= rate * total_of(spread[channel].ravel())
    first(spread.ravel(), x.ravel(), weight1.ravel(), x.shape[0], x.shape[1], rate)


@njit()
def gathered(inner: np.ndarray, count: int) -> np.ndarray:
    """Return maps (C, H, W, BATCH) of `count` images as (count, H * W * C), then zeros."""
    channels, rows, columns = inner.shape[:3]
    out = np.zeros((count, rows * columns * CHANNELS + WINDOW), np.float32)
    for image in range(count):
        for row in range(rows):
            for column in range(columns):
                target = out[image, (row * columns + column) * CHANNELS :]
                for channel in range(channels):
                    target[channel] = inner[channel, row, column, image]
    return out


@njit(fastmath={"contract", "nsz"})
def _second(
    back: np.ndarray,
    winner: np.ndarray,
    image: int,
    seen: np.ndarray,
    taps: np.ndarray,
    gradient: np.ndarray,
    change: np.ndarray,
    columns: int,
) -> None:
    """Add one image's part to the gradients of the second block's input and of its weights.

    The input, `seen`, and its gradient are flat (H, W, C). Only the window that won a pooling has a
    part.
    """
    maps, below, across = winner.shape[:3]
    for number in range(maps):
        for row in range(below):
            for column in range(across):
                phase = winner[number, row, column, image]
                part = back[number, row * across + column]
                if phase == DEAD or part == 0:
                    continue
                top, left = 2 * row + phase // 2, 2 * column + phase % 2
                for tap in range(SIDE):
                    start = ((top + tap) * columns + left) * CHANNELS
                    window, target = seen[start : start + WINDOW], gradient[start : start + WINDOW]
                    weights, changed = taps[number, tap], change[number, tap]
                    for n in range(WINDOW):  # what lies beyond the window meets zeros
                        target[n] += part * weights[n]
                        changed[n] += part * window[n]


@njit()
def taken(back: np.ndarray, winner: np.ndarray) -> np.float32:
    """Sum a map's gradients (B, P) that ReLU lets through."""
    total = ZERO
    across = winner.shape[1]
    for image in range(len(back)):
        for position in range(back.shape[1]):
            if winner[position // across, position % across, image] != DEAD:
                total += back[image, position]
    return total


@njit(fastmath=FAST)
def total_of(values: np.ndarray) -> np.float32:
    """Sum all values."""
    total = ZERO
    for value in values:
        total += value
    return total


@njit()
def scattered(gradients: np.ndarray, winner: np.ndarray) -> np.ndarray:
    """Return gradients in the order of `gathered` at the winners' places, (C, 2 H, 2 W, BATCH)."""
    channels, rows, columns = winner.shape[:3]
    out = np.zeros((channels, 2 * rows, 2 * columns, BATCH), np.float32)
    for image in range(len(gradients)):
        for channel in range(channels):
            for row in range(rows):
                for column in range(columns):
                    phase = winner[channel, row, column, image]
                    if phase != DEAD:
                        part = gradients[image, (row * columns + column) * CHANNELS + channel]
                        out[channel, 2 * row + phase // 2, 2 * column + phase % 2, image] = part
    return out


@njit(fastmath=FAST)
def first(
    spread: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    height: int,
    width: int,
    rate: np.float32,
) -> None:
    """Move the first weights: products of gradients and pixels, two channels at a time."""
    rows, length = (height - 4) // 2 * 2, (width - 4) // 2 * 2 * BATCH
    for channel in range(0, CHANNELS, 2):
        for tap in range(SIDE):
            u0, u1, u2, u3, u4 = ZERO, ZERO, ZERO, ZERO, ZERO
            v0, v1, v2, v3, v4 = ZERO, ZERO, ZERO, ZERO, ZERO
            for row in range(rows):
                start = (channel * rows + row) * length
                a, b = spread[start : start + length], spread[start + rows * length :]
                p = x[(row + tap) * width * BATCH :]
                for n in range(length):
                    c, d, e = p[n], p[BATCH + n], p[2 * BATCH + n]
                    f, g = p[3 * BATCH + n], p[4 * BATCH + n]
                    u0 += a[n] * c
                    u1 += a[n] * d
                    u2 += a[n] * e
                    u3 += a[n] * f
                    u4 += a[n] * g
                    v0 += b[n] * c
                    v1 += b[n] * d
                    v2 += b[n] * e
                    v3 += b[n] * f
                    v4 += b[n] * g
            own = weight[(channel * SIDE + tap) * SIDE :]
            other = weight[((channel + 1) * SIDE + tap) * SIDE :]
            for n, change in enumerate((u0, u1, u2, u3, u4)):
                own[n] -= rate * change
            for n, change in enumerate((v0, v1, v2, v3, v4)):
                other[n] -= rate * change
