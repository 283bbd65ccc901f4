"""The second convolutional block of the essay's net backward, compiled: gradients and their step.

Behind max-pooling, ReLU and dropout one activation in a dozen has a gradient. These loops visit
those alone, which a matrix product cannot. An image's map is one array here, its rows `ROW` numbers
apart and all channels of a pixel side by side, so that a window has five stretches of memory.
"""

from __future__ import annotations

import numpy as np

from reproduce.support.jit import njit

BATCH, SIDE, DEAD, HALF = 10, 5, 4, 160  # as in `blocks`; numba would not notice a change there
CHANNELS = 10  # of the first block
ROW = 160  # 14 columns of 10 channels, and what a window's last stretch needs beyond
WINDOW = 56  # a row of the second windows, 5 columns of 10 channels, filled up to whole vectors
TOGETHER = 4  # windows that are added in one pass
ZERO = np.float32(0)


@njit()
def descend(
    back: np.ndarray,
    inner: np.ndarray,
    winner: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    rate: np.float32,
) -> np.ndarray:
    """Take a step of the second convolution, in place.

    Parameters
    ----------
    back : ndarray of shape (K, B, O, P)
        The gradient of the second block's maps.
    inner, winner : ndarray
        The first block's maps and the second's winners, as `blocks.forward` returns them.
    weight, bias : ndarray
        Of shapes (K, O, CHANNELS, 5, 5) and (K, O).
    rate : float32

    Returns
    -------
    ndarray of shape (K, CHANNELS, H, HALF)
        The gradient of the first block's maps, `side_by_side`.
    """
    lines = np.empty((len(back), CHANNELS, inner.shape[2], HALF), np.float32)
    for net in range(len(back)):
        maps, taps = gathered(inner[net]), windows(weight[net])
        gradient, change = np.zeros_like(maps), np.zeros_like(taps)
        starts, parts, ends, totals = winning(back[net], winner[net], maps.shape[1])
        _by_maps(starts, parts, ends, taps.ravel(), gradient.ravel())
        _by_weights(starts, parts, ends, maps.ravel(), change.ravel())
        move(weight[net], change, rate)
        for number in range(len(totals)):
            bias[net, number] -= rate * totals[number]
        lines[net] = side_by_side(gradient, inner.shape[3])
    return lines


@njit()
def windows(weight: np.ndarray) -> np.ndarray:
    """Weights (O, C, 5, 5) as (O, 5, WINDOW): channels column by column, then zeros."""
    taps = np.zeros((len(weight), SIDE, WINDOW), np.float32)
    for number in range(len(weight)):
        for channel in range(CHANNELS):
            for row in range(SIDE):
                for column in range(SIDE):
                    value = weight[number, channel, row, column]
                    taps[number, row, column * CHANNELS + channel] = value
    return taps


@njit()
def move(weight: np.ndarray, change: np.ndarray, rate: np.float32) -> None:
    """Subtract `rate` times a change that lies as `windows` does from weights (O, C, 5, 5)."""
    for number in range(len(weight)):
        for channel in range(CHANNELS):
            for row in range(SIDE):
                for column in range(SIDE):
                    value = change[number, row, column * CHANNELS + channel]
                    weight[number, channel, row, column] -= rate * value


@njit()
def gathered(inner: np.ndarray) -> np.ndarray:
    """Return maps (CHANNELS, H, W, BATCH) as (BATCH, H * ROW), each pixel's channels together."""
    rows, columns = inner.shape[1:3]
    out = np.zeros((BATCH, rows * ROW), np.float32)
    for row in range(rows):
        for column in range(columns):
            for image in range(BATCH):
                target = out[image, row * ROW + column * CHANNELS :]
                for channel in range(CHANNELS):
                    target[channel] = inner[channel, row, column, image]
    return out


@njit()
def side_by_side(maps: np.ndarray, columns: int) -> np.ndarray:
    """Return maps in the order of `gathered` as (CHANNELS, H, HALF), images of a pixel together."""
    rows = maps.shape[1] // ROW
    out = np.zeros((CHANNELS, rows, HALF), np.float32)
    for row in range(rows):
        for column in range(columns):
            for image in range(BATCH):
                source = maps[image, row * ROW + column * CHANNELS :]
                for channel in range(CHANNELS):
                    out[channel, row, column * BATCH + image] = source[channel]
    return out


@njit()
def winning(
    back: np.ndarray, winner: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """List the windows of the second block that won a pooling and have a gradient.

    Returns
    -------
    starts, parts : ndarray
        Where each window begins in the maps of all images, `size` numbers an image, and its
        gradient. The windows of one output follow each other. Some with the gradient 0 fill their
        number up to a multiple of `TOGETHER`.
    ends : ndarray of shape (O,)
        Where the windows of each output end.
    totals : ndarray of shape (O,)
        The sums of their gradients.
    """
    maps, below, across = winner.shape[:3]
    most = maps * (below * across * len(back) + TOGETHER)
    starts, parts = np.zeros(most, np.int64), np.zeros(most, np.float32)
    ends, totals = np.empty(maps, np.int64), np.empty(maps, np.float32)
    found = 0
    for number in range(maps):
        total = ZERO
        for row in range(below):
            for column in range(across):
                chosen, at = winner[number, row, column], row * across + column
                for image in range(len(back)):
                    phase = chosen[image]
                    part = ZERO if phase == DEAD else back[image, number, at]
                    top, left = 2 * row + (phase >> 1), 2 * column + (phase & 1)
                    # Written in any case and kept where it counts: no branch to be guessed wrong.
                    starts[found] = image * size + top * ROW + left * CHANNELS
                    parts[found] = part
                    found += part != 0
                    total += part
        while found % TOGETHER:
            starts[found], parts[found] = 0, ZERO
            found += 1
        ends[number], totals[number] = found, total
    return starts, parts, ends, totals


@njit(fastmath={"contract", "nsz"})
def _by_maps(
    starts: np.ndarray, parts: np.ndarray, ends: np.ndarray, taps: np.ndarray, gradient: np.ndarray
) -> None:
    """Add the gradient of the second block's input, flat (B, H, ROW)."""
    begin = 0
    for number in range(len(ends)):
        w = taps[number * SIDE * WINDOW :]
        for k in range(begin, ends[number]):
            part, target = parts[k], gradient[starts[k] :]
            for n in range(WINDOW):  # what lies beyond the window meets zeros
                target[n] += part * w[n]
                target[ROW + n] += part * w[WINDOW + n]
                target[2 * ROW + n] += part * w[2 * WINDOW + n]
                target[3 * ROW + n] += part * w[3 * WINDOW + n]
                target[4 * ROW + n] += part * w[4 * WINDOW + n]
        begin = ends[number]


@njit(fastmath={"contract", "nsz"})
def _by_weights(
    starts: np.ndarray, parts: np.ndarray, ends: np.ndarray, seen: np.ndarray, change: np.ndarray
) -> None:
    """Add the gradient of the second weights, flat (O, 5, WINDOW), of their input (B, H, ROW)."""
    begin = 0
    for number in range(len(ends)):
        for tap in range(SIDE):
            changed, x = change[(number * SIDE + tap) * WINDOW :], seen[tap * ROW :]
            for k in range(begin, ends[number], TOGETHER):
                a, b, c, d = parts[k], parts[k + 1], parts[k + 2], parts[k + 3]
                p, q = x[starts[k] :], x[starts[k + 1] :]
                r, s = x[starts[k + 2] :], x[starts[k + 3] :]
                for n in range(WINDOW):
                    changed[n] = changed[n] + a * p[n] + b * q[n] + c * r[n] + d * s[n]
        begin = ends[number]
