"""The first convolutional block of the essay's net backward, compiled: gradients and their step.

Winograd's method of `blocks`, transposed. There, weights and pixels are multiplied at eight points
and make four rows. Here, the gradients of four rows and the pixels are multiplied at these points,
with 8 products for 20, and their sums over all tiles make the gradient of the weights.
"""

from __future__ import annotations

import numpy as np

from reproduce.support.jit import njit

BATCH, SIDE, DEAD, HALF = 10, 5, 4, 160  # as in `blocks`; numba would not notice a change there
LINE, POINTS = 2 * HALF, 8
CHANNELS = 10  # of the first block
STRETCH = 16  # a multiple of whole vectors, so that no numbers are left over
ZERO = np.float32(0)
FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in any order


@njit()
def descend(
    lines: np.ndarray,
    winner: np.ndarray,
    seen: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    of_weights: np.ndarray,
    rate: np.float32,
) -> None:
    """Take a step of the first convolution, in place.

    Parameters
    ----------
    lines : ndarray of shape (K, CHANNELS, H, HALF)
        The gradient of the first block's maps, as `outer_gradients.descend` returns it.
    winner, seen : ndarray
        The first block's winners and the images, as `blocks.forward` returns them.
    weight, bias : ndarray
        Of shapes (K, CHANNELS, 1, 5, 5) and (K, CHANNELS).
    of_weights : ndarray of shape (5, POINTS)
        `blocks.OF_WEIGHTS`, of which numba would not notice a change.
    rate : float32
    """
    for net in range(len(lines)):
        for channel in range(0, CHANNELS, 2):
            pair = slice(channel, channel + 2)
            sums = _sums(lines[net, pair], winner[net, pair], seen[net], bias[net, pair], rate)
            for half in range(2):
                by_points = sums[:, half * SIDE :]
                _of_points(by_points, of_weights, weight[net, channel + half, 0], rate)


@njit()
def _sums(
    lines: np.ndarray, winner: np.ndarray, seen: np.ndarray, bias: np.ndarray, rate: np.float32
) -> np.ndarray:
    """Move the biases of two channels, and return the gradients of their weights at the points.

    The array (POINTS, 10) holds the columns of one channel's window, then those of the other's.
    """
    rows, columns = winner.shape[1:3]
    length = -(-columns * BATCH // STRETCH) * STRETCH  # beyond the columns there are zeros
    places, values = np.zeros((2, 4 * LINE), np.float32), np.zeros((2, POINTS * LINE), np.float32)
    sums = np.zeros((POINTS, 2 * SIDE), np.float32)
    for tile in range((rows + 1) // 2):
        for half in range(2):
            if 2 * tile + 1 == rows:  # the last tile makes one row
                places[half, 2 * LINE :] = ZERO
            for row in range(2 * tile, min(2 * tile + 2, rows)):
                target = places[half, row % 2 * 2 * LINE :]
                bias[half] -= rate * _spread(lines[half, row], winner[half, row].ravel(), target)
            for start in (0, HALF):
                _to_points(places[half, start:], values[half, start:], length)
        _add_products(values, seen[tile * POINTS * LINE :], sums, length)
    return sums


@njit()
def scattered(lines: np.ndarray, winner: np.ndarray) -> np.ndarray:
    """Put one network's gradients at the places that won, lines (CHANNELS, 2 H, 2, HALF)."""
    channels, rows = winner.shape[:2]
    out = np.zeros((channels, 2 * rows, 2, HALF), np.float32)
    for channel in range(channels):
        for row in range(rows):
            chosen, target = winner[channel, row].ravel(), out[channel, 2 * row :].ravel()
            _spread(lines[channel, row], chosen, target)
    return out


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


@njit()
def _to_points(rows: np.ndarray, points: np.ndarray, length: int) -> None:
    """Of four lines make the values at the points of the polynomial that they are."""
    for n in range(length):
        a, b, c, d = rows[n], rows[LINE + n], rows[2 * LINE + n], rows[3 * LINE + n]
        points[n] = a
        even, odd = a + c, b + d
        points[LINE + n], points[2 * LINE + n] = even + odd, even - odd
        even, odd = a + c * np.float32(4), b * np.float32(2) + d * np.float32(8)
        points[3 * LINE + n], points[4 * LINE + n] = even + odd, even - odd
        even, odd = a + c * np.float32(0.25), b * np.float32(0.5) + d * np.float32(0.125)
        points[5 * LINE + n], points[6 * LINE + n] = even + odd, even - odd
        points[7 * LINE + n] = d


@njit(fastmath=FAST)
def _add_products(values: np.ndarray, seen: np.ndarray, sums: np.ndarray, length: int) -> None:
    """Add the products of two channels' gradients and one tile's pixels to sums (POINTS, 10)."""
    for point in range(POINTS):
        a, b, p = values[0, point * LINE :], values[1, point * LINE :], seen[point * LINE :]
        u0, u1, u2, u3, u4 = ZERO, ZERO, ZERO, ZERO, ZERO
        v0, v1, v2, v3, v4 = ZERO, ZERO, ZERO, ZERO, ZERO
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
        for n, part in enumerate((u0, u1, u2, u3, u4, v0, v1, v2, v3, v4)):
            sums[point, n] += part


@njit()
def _of_points(
    sums: np.ndarray, of_weights: np.ndarray, weight: np.ndarray, rate: np.float32
) -> None:
    """Move weights (5, 5) against the gradient whose parts at the points are sums (POINTS, 5)."""
    for row in range(SIDE):
        for point in range(POINTS):
            part = rate * of_weights[row, point]
            for column in range(SIDE):
                weight[row, column] -= part * sums[point, column]
