"""The two convolutional blocks of the essay's net in `curvature`, compiled.

Where `outer_gradients` visits an activation with its gradient, these loops visit it with two: that
by its derivative along a direction (`slope`), and that by the activation itself (`bend`).
"""

from __future__ import annotations

import numpy as np

from reproduce.networks.essay_net import blocks, inner_gradients, outer_gradients
from reproduce.support.jit import njit

# As in `blocks`; numba would not notice a change there.
BATCH, SIDE, DEAD, CHUNK, HALF = 10, 5, 4, 40, 160
CHANNELS, WINDOW, ROW = 10, 56, 160  # as in `outer_gradients`
Pair = tuple[np.ndarray, np.ndarray]


def second(
    parts: Pair,
    seen: np.ndarray,
    inner: Pair,
    inner_winner: np.ndarray,
    outer_winner: np.ndarray,
    weights: Pair,
    ways: Pair,
    sides: tuple[int, int],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Differentiate the slope of the loss along a direction.

    Parameters
    ----------
    parts : pair of ndarrays of shape (K, B, O, P)
        The slope's gradients by the derivatives of the second block's maps, and by these maps.
    seen, inner_winner, outer_winner : ndarray
        As `blocks.forward` returns them.
    inner : pair of ndarrays
        The first block's maps, and their derivatives (`blocks.tangents`).
    weights, ways : pair of ndarrays
        Of both convolutions, and the direction's parts.
    sides : pair of int
        Height H and width W of the images in pixels.

    Returns
    -------
    by_pixels : ndarray of shape (K, H, W, BATCH)
    by_parameters : list of four ndarrays
        By weight and bias of both convolutions.
    """
    nets, columns, minus = len(seen), inner_winner.shape[3], np.float32(-1)  # moving up adds
    by_weights = np.zeros_like(weights[0]), np.zeros_like(weights[1])
    by_biases = (np.zeros(by.shape[:2], np.float32) for by in by_weights)
    first, second = zip(by_weights, by_biases, strict=True)
    by_pixels = np.zeros((nets, *sides, BATCH), np.float32)
    by_lines = np.empty((nets, CHANNELS, inner_winner.shape[2], HALF), np.float32)
    for net in range(nets):
        maps = [outer_gradients.gathered(one[net]) for one in inner]
        taps, directions = (outer_gradients.windows(one[1][net]) for one in (weights, ways))
        slopes, bends, change = map(np.zeros_like, (*maps, taps))
        _both(
            parts[0][net], parts[1][net], outer_winner[net], *maps, taps, directions, slopes,
            bends, change, second[1][net],
        )  # fmt: skip
        outer_gradients.move(second[0][net], change, minus)
        lines = [outer_gradients.side_by_side(one, columns) for one in (slopes, bends)]
        slope, bend = (inner_gradients.scattered(line, inner_winner[net]) for line in lines)
        _pixels(slope, bend, weights[0][net, :, 0], ways[0][net, :, 0], by_pixels[net])
        by_lines[net] = lines[1]
    inner_gradients.descend(by_lines, inner_winner, seen, *first, blocks.OF_WEIGHTS, minus)
    return by_pixels, [*first, *second]


@njit(fastmath={"contract", "nsz"})
def _both(
    slope_parts: np.ndarray,
    bend_parts: np.ndarray,
    winner: np.ndarray,
    seen: np.ndarray,
    moved: np.ndarray,
    taps: np.ndarray,
    directions: np.ndarray,
    slopes: np.ndarray,
    bends: np.ndarray,
    change: np.ndarray,
    bias: np.ndarray,
) -> None:
    """Add one network's gradients of the second block's input, of its weights and of its biases.

    The slope is the sum of the products (derivative of the maps, weights) and (maps, direction).
    """
    maps, below, across = winner.shape[:3]
    for image in range(len(slope_parts)):
        for number in range(maps):
            for row in range(below):
                for column in range(across):
                    phase, at = winner[number, row, column, image], row * across + column
                    slope, bend = slope_parts[image, number, at], bend_parts[image, number, at]
                    if phase == DEAD or (slope == 0 and bend == 0):
                        continue
                    bias[number] += bend
                    top, left = 2 * row + phase // 2, 2 * column + phase % 2
                    for tap in range(SIDE):
                        start = (top + tap) * ROW + left * CHANNELS
                        x, way = seen[image, start:], moved[image, start:]
                        own, direction = taps[number, tap], directions[number, tap]
                        by_way, by_x = slopes[image, start:], bends[image, start:]
                        changed = change[number, tap]
                        for n in range(WINDOW):  # what lies beyond the window meets zeros
                            by_way[n] += slope * own[n]
                            by_x[n] = by_x[n] + slope * direction[n] + bend * own[n]
                            changed[n] = changed[n] + slope * way[n] + bend * x[n]


@njit(fastmath={"contract", "nsz"})
def _pixels(
    slope: np.ndarray, bend: np.ndarray, weight: np.ndarray, way: np.ndarray, out: np.ndarray
) -> None:
    """Add one network's gradients by the images to `out` (H, W, BATCH)."""
    width = out.shape[1] * BATCH
    columns = (out.shape[1] - SIDE + 1) // 2 * 2
    edge, whole = (SIDE - 1) * BATCH, -(-width // CHUNK) * CHUNK
    # With zeros at both ends, each line of pixels is one pass over vectors.
    a, b = np.zeros(whole + edge, np.float32), np.zeros(whole + edge, np.float32)
    sums = np.zeros((len(out), whole), np.float32)
    for channel in range(CHANNELS):
        for row in range(slope.shape[1]):
            for column in range(columns):
                half, start = column % 2, column // 2 * BATCH
                place = edge + column * BATCH
                a[place : place + BATCH] = slope[channel, row, half, start : start + BATCH]
                b[place : place + BATCH] = bend[channel, row, half, start : start + BATCH]
            for tap in range(SIDE):
                _add(a, b, way[channel, tap], weight[channel, tap], sums[row + tap], whole)
    for row in range(len(out)):
        out[row].ravel()[:] += sums[row, :width]


@njit(inline="always")
def _add(
    a: np.ndarray, b: np.ndarray, u: np.ndarray, v: np.ndarray, sums: np.ndarray, length: int
) -> None:
    """Add a row of two windows, u times a line and v times another, in passes of one length."""
    u0, u1, u2, u3, u4 = u[0], u[1], u[2], u[3], u[4]
    v0, v1, v2, v3, v4 = v[0], v[1], v[2], v[3], v[4]
    for start in range(0, length, CHUNK):
        p, q, acc = a[start:], b[start:], sums[start:]
        for n in range(CHUNK):
            first = p[n + 40] * u0 + p[n + 30] * u1 + p[n + 20] * u2 + p[n + 10] * u3 + p[n] * u4
            second = q[n + 40] * v0 + q[n + 30] * v1 + q[n + 20] * v2 + q[n + 10] * v3 + q[n] * v4
            acc[n] += first + second
