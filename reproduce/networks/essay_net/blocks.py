"""The two convolutional blocks of the essay's net, compiled: 5x5 convolution, 2x2 maximum, ReLU.

Ten images, a batch of the essay, lie side by side in memory, and a line of a map holds its even
columns before its odd ones. So the four values of a pooling window lie in separate stretches of
memory, and each innermost loop runs over one stretch of constant length, which compilers turn into
vector instructions.

Down the columns a convolution is computed by Winograd's method F(4, 5) (Lavin & Gray 2016), because
it takes 8 products where plain sums take 20. Four rows of a column, convolved with five weights,
depend on eight rows of the input. Weights and rows are each taken at eight *points*, multiplied
there, and the four rows are computed from the eight products. It is how two polynomials are
multiplied through their values at seven numbers and their highest coefficients. The result differs
from plain sums by about 1e-6 of the largest value. Convolution and pooling are one pass, and
nothing between them is kept.

This file is long because numba keeps compiled functions on disk and would not notice that a
function in another file, which they call, has changed.
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
MOST = WIDEST // 2 - 2  # pooled columns
LINE = 2 * HALF
DEAD = 4  # the winner of a pooling window where ReLU gives zero
POINTS = 8
NUMBERS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # where polynomials are evaluated
ONE = NUMBERS.index(1.0)  # all four rows get what is added at this point


def _of_weights() -> np.ndarray:
    """Return (SIDE, POINTS): what the weights of a window's column are multiplied by."""
    powers = np.zeros((SIDE, POINTS))
    for point, number in enumerate(NUMBERS):
        scale = np.prod([number - other for other in NUMBERS if other != number])
        powers[:, point] = [number**power / scale for power in range(SIDE)]
    powers[-1, -1] = 1
    return powers.astype(np.float32)


OF_WEIGHTS = _of_weights()


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
    x = np.zeros((1, _lines_of((height - 4) // 2), 2, HALF), np.float32)
    inner, inner_winner = _maps(weight1.shape[1], height, width)
    outer, outer_winner = _maps(weight2.shape[1], inner.shape[1], inner.shape[2])
    between = np.zeros((len(inner), _lines_of(outer.shape[1]), 2, HALF), np.float32)
    points, seen = _room(1, 1, inner.shape[1])[0], _room(1, len(inner), outer.shape[1])[0]
    flat = outer.reshape(-1, BATCH)
    first = [_weight_points(weight) for weight in weight1]
    second = [_weight_points(weight) for weight in weight2]
    for start in range(0, count, BATCH):
        stop = min(start + BATCH, count)
        _side_by_side(_batch(images[start:stop]), x[0])
        _points(x, inner.shape[2], points)
        for net in range(len(weight1)):
            _block(points, first[net], bias1[net], inner, inner_winner, False)
            _halve(inner, between)
            _points(between, outer.shape[2], seen)
            _block(seen, second[net], bias2[net], outer, outer_winner, False)
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
    seen : ndarray of shape (K, ...)
        The images of each network as `_points`, and those of two columns more than are pooled,
        which `inner_gradients` reads.
    inner, inner_winner : ndarray of shape (K, C, H', W', BATCH)
        The first block's maps; which of the four values in a pooling window was the largest.
    outer, outer_winner : ndarray of shape (K, O, H'', W'', BATCH)
        The same of the second block.
    """
    nets, _, height, width = images.shape
    channels, outputs = weight1.shape[1], weight2.shape[1]
    rows, columns = (height - 4) // 2, (width - 4) // 2
    x = np.zeros((1, _lines_of(rows), 2, HALF), np.float32)
    seen = _room(nets, 1, rows)
    inner = np.empty((nets, channels, rows, columns, BATCH), np.float32)
    inner_winner = np.empty(inner.shape, np.int8)
    outer = np.empty((nets, outputs, (rows - 4) // 2, (columns - 4) // 2, BATCH), np.float32)
    outer_winner = np.empty(outer.shape, np.int8)
    between = np.zeros((channels, _lines_of(outer.shape[2]), 2, HALF), np.float32)
    points = _room(1, channels, outer.shape[2])[0]
    for net in range(nets):
        _side_by_side(_batch(images[net]), x[0])
        _points(x, min(columns + 2, MOST), seen[net])
        weights = _weight_points(weight1[net])
        _block(seen[net], weights, bias1[net], inner[net], inner_winner[net], False)
        _halve(inner[net], between)
        weights = _weight_points(weight2[net])
        _points(between, outer.shape[3], points)
        _block(points, weights, bias2[net], outer[net], outer_winner[net], False)
    return seen, inner, inner_winner, outer, outer_winner


@njit()
def tangents(
    seen: np.ndarray,
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
    seen, inner, inner_winner, outer_winner : ndarray
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
    # The second block's input and its weights both move: twice as many channels.
    channels, lines = inner.shape[1], _lines_of(outer_winner.shape[2])
    between = np.zeros((2 * channels, lines, 2, HALF), np.float32)
    points = _room(1, 2 * channels, outer_winner.shape[2])[0]
    for net in range(len(seen)):
        weights = _weight_points(way1[net])
        _block(seen[net], weights, way_bias1[net], first[net], inner_winner[net], True)
        _halve(inner[net], between[:channels])
        _halve(first[net], between[channels:])
        weights = _weight_points(np.concatenate((way2[net], weight2[net]), axis=1))
        _points(between, outer_winner.shape[3], points)
        _block(points, weights, way_bias2[net], second[net], outer_winner[net], True)
    return first, second


@njit()
def _maps(channels: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return empty maps of a block on images (height, width), and the winners of their pooling."""
    shape = (channels, (height - 4) // 2, (width - 4) // 2, BATCH)
    return np.empty(shape, np.float32), np.empty(shape, np.int8)


@njit()
def _tiles(rows: int) -> int:
    """How many tiles make so many pooled rows; a tile makes two."""
    return (rows + 1) // 2


@njit()
def _lines_of(rows: int) -> int:
    """How many lines of a map the tiles read that make so many pooled rows.

    One more follows, since passes over whole vectors may end behind the last line.
    """
    return 4 * _tiles(rows) + 5


@njit()
def _batch(images: np.ndarray) -> np.ndarray:
    """Images (B, H, W), with empty ones up to a batch: loops of constant length are fast."""
    if len(images) == BATCH:
        return images
    whole = np.zeros((BATCH, *images.shape[1:]), np.float32)
    whole[: len(images)] = images
    return whole


@njit()
def _side_by_side(images: np.ndarray, out: np.ndarray) -> None:
    """Write images (BATCH, H, W) into lines (L, 2, HALF), even columns before odd ones."""
    for row in range(min(images.shape[1], len(out))):
        for column in range(images.shape[2]):
            target = out[row, column % 2, column // 2 * BATCH :]
            for image in range(BATCH):
                target[image] = images[image, row, column]


@njit()
def _halve(maps: np.ndarray, out: np.ndarray) -> None:
    """Write maps (C, H, W, BATCH) into lines (C, L, 2, HALF)."""
    channels, height, width = maps.shape[:3]
    for channel in range(channels):
        for row in range(min(height, out.shape[1])):
            for column in range(width):
                target = out[channel, row, column % 2, column // 2 * BATCH :]
                source = maps[channel, row, column]
                for n in range(BATCH):
                    target[n] = source[n]


@njit()
def _room(nets: int, channels: int, rows: int) -> np.ndarray:
    """Return room for `_points` of networks, from which so many pooled rows are made.

    Passes over whole vectors may read behind the last line, what they multiply by zero.
    """
    room = np.empty((nets, _tiles(rows) * POINTS * channels * LINE + CHUNK), np.float32)
    room[:, -CHUNK:] = 0
    return room


@njit(fastmath={"nsz"})
def _points(lines: np.ndarray, columns: int, points: np.ndarray) -> None:
    """Fill `_room` with lines (C, L, 2, HALF) at the points: (tiles, POINTS, C, 2, HALF).

    As much of a line is filled as so many pooled columns need.
    """
    channels, tiles, flat = len(lines), lines.shape[1] // 4 - 1, lines.ravel()
    for tile in range(tiles):
        for channel in range(channels):
            above = flat[(channel * lines.shape[1] + 4 * tile) * LINE :]
            target = points[(tile * POINTS * channels + channel) * LINE :]
            for half in range(0, LINE, HALF):
                for start in range(half, half + (columns + 2) * BATCH, CHUNK):
                    _to_points(above[start:], target[start:], channels * LINE)


# numba inlines the functions of the innermost loops, because thousands of calls a step would take
# longer than the arithmetic. One slice that is read, one that is written and a constant length:
# so the loops are vectors alone, and nothing has to be compared before they begin.
@njit(inline="always")
def _to_points(x: np.ndarray, points: np.ndarray, apart: int) -> None:
    """Of eight lines make the values at `NUMBERS` of the polynomials that interpolate them."""
    for n in range(CHUNK):
        a, b, c, d = x[n], x[LINE + n], x[2 * LINE + n], x[3 * LINE + n]
        e, f, g, h = x[4 * LINE + n], x[5 * LINE + n], x[6 * LINE + n], x[7 * LINE + n]
        points[n] = g - a + (c - e) * np.float32(5.25)
        even = c - e * np.float32(4.25) + g
        odd = b - d * np.float32(4.25) + f
        points[apart + n] = even + odd
        points[2 * apart + n] = even - odd
        even = c * np.float32(0.25) - e * np.float32(1.25) + g
        odd = b * np.float32(0.5) - d * np.float32(2.5) + f * np.float32(2)
        points[3 * apart + n] = even + odd
        points[4 * apart + n] = even - odd
        even = c * np.float32(4) - e * np.float32(5) + g
        odd = b * np.float32(2) - d * np.float32(2.5) + f * np.float32(0.5)
        points[5 * apart + n] = even + odd
        points[6 * apart + n] = even - odd
        points[7 * apart + n] = h - b + (d - f) * np.float32(5.25)


@njit()
def _weight_points(weight: np.ndarray) -> np.ndarray:
    """Weights (O, C, 5, 5) at the points of each column, (O, C, 5, POINTS)."""
    outputs, channels = weight.shape[:2]
    points = np.empty((outputs, channels, SIDE, POINTS), np.float32)
    for output in range(outputs):
        for channel in range(channels):
            for column in range(SIDE):
                a, b, c, d, e = weight[output, channel, :, column]
                target = points[output, channel, column]
                for n in range(POINTS):
                    upper = a * OF_WEIGHTS[0, n] + b * OF_WEIGHTS[1, n] + c * OF_WEIGHTS[2, n]
                    target[n] = upper + d * OF_WEIGHTS[3, n] + e * OF_WEIGHTS[4, n]
    return points


@njit(fastmath={"contract", "nsz"})
def _block(
    points: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    winner: np.ndarray,
    known: bool,
) -> None:
    """Convolve `_points` with `_weight_points`, pool, ReLU.

    Fill maps (O, H', W', BATCH) and the winners of their pooling. Where the winners are known, take
    them instead.
    """
    rows, length, window = out.shape[1], out.shape[2] * BATCH, SIDE * POINTS
    channels, weights = weight.shape[1], weight.ravel()
    sums, four = np.empty(POINTS * 2 * LINE, np.float32), np.empty(4 * LINE, np.float32)
    for output in range(0, len(bias), 2):
        for tile in range(_tiles(rows)):
            for point in range(POINTS):
                x = points[(tile * POINTS + point) * channels * LINE :]
                u = weights[output * channels * window + point :]
                v, acc = u[channels * window :], sums[point * 2 * LINE :]
                of_u = bias[output] if point == ONE else np.float32(0)
                of_v = bias[output + 1] if point == ONE else np.float32(0)
                _add(x, u, v, of_u, of_v, acc, length, True)
                for channel in range(1, channels):
                    at = channel * window
                    _add(x[channel * LINE :], u[at:], v[at:], of_u, of_v, acc, length, False)
            for half in range(2):
                number = output + half
                for start in range(0, length, CHUNK):
                    _of_points(sums[half * LINE + start :], four[start:])
                    _of_points(sums[half * LINE + HALF + start :], four[HALF + start :])
                for row in range(2 * tile, min(2 * tile + 2, rows)):
                    phases = four[row % 2 * 2 * LINE :]
                    target, chosen = out[number, row].ravel(), winner[number, row].ravel()
                    if known:
                        _take(phases, target, chosen)
                    else:
                        _pool(phases, target, chosen)


@njit(inline="always")
def _add(
    x: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    of_u: np.float32,
    of_v: np.float32,
    sums: np.ndarray,
    length: int,
    first: bool,
) -> None:
    """Add a line times a row of two windows, u and v, at one point.

    `sums` holds the even and the odd columns of u's output, then those of v's. The first time they
    begin with `of_u` and `of_v`.
    """
    u0, u1, u2, u3, u4 = u[0], u[POINTS], u[2 * POINTS], u[3 * POINTS], u[4 * POINTS]
    v0, v1, v2, v3, v4 = v[0], v[POINTS], v[2 * POINTS], v[3 * POINTS], v[4 * POINTS]
    for start in range(0, length, CHUNK):
        p, acc = x[start:], sums[start:]
        for n in range(CHUNK):
            e, f = p[n], p[HALF + n]
            g, h = p[BATCH + n], p[HALF + BATCH + n]
            i, j = p[2 * BATCH + n], p[HALF + 2 * BATCH + n]
            # One product at a time, so that compilers cannot choose which of two is rounded.
            a, b = (of_u, of_u) if first else (acc[n], acc[HALF + n])
            acc[n] = a + u0 * e + u1 * f + u2 * g + u3 * h + u4 * i
            acc[HALF + n] = b + u0 * f + u1 * g + u2 * h + u3 * i + u4 * j
            c, d = (of_v, of_v) if first else (acc[LINE + n], acc[LINE + HALF + n])
            acc[LINE + n] = c + v0 * e + v1 * f + v2 * g + v3 * h + v4 * i
            acc[LINE + HALF + n] = d + v0 * f + v1 * g + v2 * h + v3 * i + v4 * j


@njit(inline="always")
def _of_points(sums: np.ndarray, rows: np.ndarray) -> None:
    """Of products at the eight points make the four rows of a convolution."""
    for n in range(CHUNK):
        a, b = sums[2 * LINE + n], sums[4 * LINE + n]
        c, d = sums[6 * LINE + n], sums[8 * LINE + n]
        e, f = sums[10 * LINE + n], sums[12 * LINE + n]
        rows[n] = sums[n] + (a + b) + (c + d) + (e + f)
        rows[LINE + n] = (a - b) + (c - d) * np.float32(2) + (e - f) * np.float32(0.5)
        rows[2 * LINE + n] = (a + b) + (c + d) * np.float32(4) + (e + f) * np.float32(0.25)
        last = (c - d) * np.float32(8) + (e - f) * np.float32(0.125) + sums[14 * LINE + n]
        rows[3 * LINE + n] = (a - b) + last


@njit()
def _pool(phases: np.ndarray, target: np.ndarray, winner: np.ndarray) -> None:
    """ReLU of the largest of four phases, and which it was: left, right, then below."""
    for n in range(len(target)):
        best, index = phases[n], np.int8(0)
        index = np.int8(1) if phases[HALF + n] > best else index
        best = phases[HALF + n] if phases[HALF + n] > best else best
        index = np.int8(2) if phases[LINE + n] > best else index
        best = phases[LINE + n] if phases[LINE + n] > best else best
        index = np.int8(3) if phases[LINE + HALF + n] > best else index
        best = phases[LINE + HALF + n] if phases[LINE + HALF + n] > best else best
        dead = best <= 0  # so that NaN stays NaN
        winner[n] = np.int8(DEAD) if dead else index
        target[n] = np.float32(0) if dead else best


@njit()
def _take(phases: np.ndarray, target: np.ndarray, winner: np.ndarray) -> None:
    """Of four phases, in the order of `_pool`, the one that won; 0 where none did."""
    for n in range(len(target)):
        index = winner[n]
        place = 0 if index == DEAD else index // 2 * LINE + index % 2 * HALF + n
        target[n] = np.float32(0) if index == DEAD else phases[place]
