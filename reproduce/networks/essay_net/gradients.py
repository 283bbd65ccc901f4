"""The two convolutional blocks of the essay's net backward, compiled: gradients and their step.

Behind max-pooling, ReLU and dropout one activation in a dozen has a gradient. These loops visit
those alone, which a matrix product cannot. An image's map is one array here, its rows `ROW` numbers
apart and all channels of a pixel side by side, so that a window has five stretches of memory.
"""

from __future__ import annotations

import numpy as np

from reproduce.support.jit import njit

BATCH, SIDE, DEAD, HALF = 10, 5, 4, 160  # as in `blocks`; numba would not notice a change there
LINE = 2 * HALF
CHANNELS = 10  # of the first block
ROW = 160  # 14 columns of 10 channels, and what a window's last stretch needs beyond
WINDOW = 56  # a row of the second windows, 5 columns of 10 channels, filled up to whole vectors
TOGETHER = 4  # windows that are added in one pass
STRETCH = 16  # a multiple of whole vectors, so that no numbers are left over
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
    starts, parts, ends, totals = winning(back, outer_winner, seen.shape[1])
    _by_maps(starts, parts, ends, taps.ravel(), gradient.ravel())
    _by_weights(starts, parts, ends, seen.ravel(), change.ravel())
    for number in range(len(bias2)):
        bias2[number] -= rate * totals[number]
    spread, sums = scattered(gradient, inner_winner)
    for channel in range(CHANNELS):
        bias1[channel] -= rate * sums[channel]
    first(spread, x, weight1.ravel(), inner.shape[2], rate)


@njit()
def gathered(inner: np.ndarray, count: int) -> np.ndarray:
    """Return maps (C, H, W, BATCH) of `count` images as (count, H * ROW), each pixel's channels."""
    channels, rows, columns = inner.shape[:3]
    out = np.zeros((count, rows * ROW), np.float32)
    for image in range(count):
        for row in range(rows):
            for column in range(columns):
                target = out[image, row * ROW + column * CHANNELS :]
                for channel in range(channels):
                    target[channel] = inner[channel, row, column, image]
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


@njit(fastmath=FAST)
def scattered(gradients: np.ndarray, winner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put gradients in the order of `gathered` at the winners' places.

    Returns
    -------
    spread : ndarray of shape (C, 2 H, 2, HALF)
        Lines as in `blocks`.
    totals : ndarray of shape (C,)
        Sums over all places.
    """
    channels, rows, columns = winner.shape[:3]
    spread = np.zeros((channels, 2 * rows, 2, HALF), np.float32)
    totals = np.zeros(channels, np.float32)
    lines = np.zeros((channels, HALF), np.float32)
    for row in range(rows):
        for column in range(columns):
            for image in range(len(gradients)):
                source = gradients[image, row * ROW + column * CHANNELS :]
                for channel in range(channels):
                    lines[channel, column * BATCH + image] = source[channel]
        for channel in range(channels):
            chosen, target = winner[channel, row].ravel(), spread[channel, 2 * row :].ravel()
            totals[channel] += _spread(lines[channel], chosen, target)
    return spread, totals


@njit(fastmath=FAST)
def _spread(line: np.ndarray, winner: np.ndarray, target: np.ndarray) -> np.float32:
    """Fill the four places of each pooling window with a gradient or zeros, and return the sum."""
    total = ZERO
    for n in range(len(winner)):
        place, part = winner[n], line[n]
        target[n] = part if place == 0 else ZERO
        target[HALF + n] = part if place == 1 else ZERO
        target[LINE + n] = part if place == 2 else ZERO
        target[LINE + HALF + n] = part if place == 3 else ZERO
        total += ZERO if place == DEAD else part
    return total


@njit(fastmath=FAST)
def first(
    spread: np.ndarray, x: np.ndarray, weight: np.ndarray, columns: int, rate: np.float32
) -> None:
    """Move the first weights: products of gradients and pixels, two channels at a time.

    `columns` is the number of pooled columns.
    """
    rows, flat, lines = spread.shape[1], spread.ravel(), x.ravel()
    length = -(-columns * BATCH // STRETCH) * STRETCH  # beyond the columns there are zeros
    for channel in range(0, CHANNELS, 2):
        for tap in range(SIDE):
            u0, u1, u2, u3, u4 = ZERO, ZERO, ZERO, ZERO, ZERO
            v0, v1, v2, v3, v4 = ZERO, ZERO, ZERO, ZERO, ZERO
            for row in range(rows):
                a, p = flat[(channel * rows + row) * LINE :], lines[(row + tap) * LINE :]
                b = a[rows * LINE :]
                for n in range(length):
                    c, d, e = p[n], p[HALF + n], p[BATCH + n]
                    f, g, h = p[HALF + BATCH + n], p[2 * BATCH + n], p[HALF + 2 * BATCH + n]
                    u0 += a[n] * c + a[HALF + n] * d
                    u1 += a[n] * d + a[HALF + n] * e
                    u2 += a[n] * e + a[HALF + n] * f
                    u3 += a[n] * f + a[HALF + n] * g
                    u4 += a[n] * g + a[HALF + n] * h
                    v0 += b[n] * c + b[HALF + n] * d
                    v1 += b[n] * d + b[HALF + n] * e
                    v2 += b[n] * e + b[HALF + n] * f
                    v3 += b[n] * f + b[HALF + n] * g
                    v4 += b[n] * g + b[HALF + n] * h
            own = weight[(channel * SIDE + tap) * SIDE :]
            other = own[SIDE * SIDE :]
            for n, change in enumerate((u0, u1, u2, u3, u4)):
                own[n] -= rate * change
            for n, change in enumerate((v0, v1, v2, v3, v4)):
                other[n] -= rate * change
