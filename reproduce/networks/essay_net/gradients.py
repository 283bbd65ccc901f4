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


@njit()
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
    for net in range(len(back)):
        _step(
            back[net], x[net], inner[net], inner_winner[net], outer_winner[net], weight1[net],
            bias1[net], weight2[net], bias2[net], rate,
        )  # fmt: skip


@njit()
def _step(
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
    """Take one network's step."""
    rows, columns = inner.shape[1:3]
    window = np.zeros(rows * columns * CHANNELS + WINDOW, np.float32)
    gradient = np.empty(window.shape, np.float32)
    spread = np.zeros((CHANNELS, 2 * rows, 2 * columns, BATCH), np.float32)
    taps = _windows(weight2)
    change = np.zeros(taps.shape, np.float32)
    for image in range(len(back)):
        _gather(inner, image, window)
        gradient[:] = ZERO
        _second(back[image], outer_winner, image, window, taps, gradient, change, columns)
        _scatter(gradient, inner_winner, image, spread)
    for number in range(len(bias2)):
        bias2[number] -= rate * _taken(back[:, number], outer_winner[number])
    for channel in range(CHANNELS):
        bias1[channel] -= rate * _sum(spread[channel].ravel())
    _take_windows(weight2, change, rate)
    _first(spread.ravel(), x.ravel(), weight1.ravel(), x.shape[0], x.shape[1], rate)


@njit()
def _windows(weight: np.ndarray) -> np.ndarray:
    """Return weights (O, C, 5, 5) as (O, 5, WINDOW): channels column by column, then zeros."""
    out = np.zeros((len(weight), SIDE, WINDOW), np.float32)
    for output in range(len(weight)):
        for tap in range(SIDE):
            for column in range(SIDE):
                for channel in range(CHANNELS):
                    at = column * CHANNELS + channel
                    out[output, tap, at] = weight[output, channel, tap, column]
    return out


@njit()
def _take_windows(weight: np.ndarray, change: np.ndarray, rate: np.float32) -> None:
    """Move weights (O, C, 5, 5) against a gradient in the order of `_windows`."""
    for output in range(len(weight)):
        for tap in range(SIDE):
            for column in range(SIDE):
                for channel in range(CHANNELS):
                    at = column * CHANNELS + channel
                    weight[output, channel, tap, column] -= rate * change[output, tap, at]


@njit()
def _gather(inner: np.ndarray, image: int, out: np.ndarray) -> None:
    """Write one image's maps (C, H, W, BATCH) into flat (H, W, C)."""
    channels, rows, columns = inner.shape[:3]
    for row in range(rows):
        for column in range(columns):
            target = out[(row * columns + column) * CHANNELS :]
            for channel in range(channels):
                target[channel] = inner[channel, row, column, image]


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
def _taken(back: np.ndarray, winner: np.ndarray) -> np.float32:
    """Sum a map's gradients (B, P) that ReLU lets through."""
    total = ZERO
    across = winner.shape[1]
    for image in range(len(back)):
        for position in range(back.shape[1]):
            if winner[position // across, position % across, image] != DEAD:
                total += back[image, position]
    return total


@njit(fastmath=FAST)
def _sum(values: np.ndarray) -> np.float32:
    """Sum all values."""
    total = ZERO
    for value in values:
        total += value
    return total


@njit()
def _scatter(gradient: np.ndarray, winner: np.ndarray, image: int, out: np.ndarray) -> None:
    """Write one image's gradients, flat (H', W', C), to the winners' places, (C, H, W, BATCH)."""
    channels, rows, columns = winner.shape[:3]
    for channel in range(channels):
        for row in range(rows):
            for column in range(columns):
                phase = winner[channel, row, column, image]
                if phase != DEAD:
                    part = gradient[(row * columns + column) * CHANNELS + channel]
                    out[channel, 2 * row + phase // 2, 2 * column + phase % 2, image] = part


@njit(fastmath=FAST)
def _first(
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
