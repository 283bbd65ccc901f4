"""The compiled loops of `reproduce.networks.first_block`: one map at a time, there and back.

The three columns of a window are kept as three images, each moved by one pixel. A window's rows are
then a whole line of memory apart, whatever the column, and the loops over pixels run through memory
in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reproduce.support.jit import njit

SIDE, TAPS = 3, 9  # of the window that is convolved
FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in any order
EPS = 1e-5  # beside variances, as PyTorch's


@njit(fastmath=FAST)
def _columns(image: np.ndarray, padding: int, width: int, columns: np.ndarray) -> None:
    """Fill columns (3, rows * width) with the padded image, moved by 0, 1 and 2 pixels."""
    for column in range(SIDE):
        for place in range(columns.shape[1]):
            row, n = place // width - padding, place % width + column - padding
            inside = 0 <= row < image.shape[0] and 0 <= n < image.shape[1]
            columns[column, place] = image[row, n] if inside else np.float32(0)


@njit(fastmath=FAST, inline="always")
def _convolve(lines: Any, taps: np.ndarray, bias: Any, maps: np.ndarray) -> None:
    """Fill one map (pixels,); a line is what all its pixels see at one place of their windows."""
    q0, q1, q2, q3, q4, q5, q6, q7, q8 = lines
    w0, w1, w2, w3, w4 = taps[0], taps[1], taps[2], taps[3], taps[4]
    w5, w6, w7, w8 = taps[5], taps[6], taps[7], taps[8]
    for n in range(maps.shape[0]):
        upper = bias + w0 * q0[n] + w1 * q1[n] + w2 * q2[n]
        middle = w3 * q3[n] + w4 * q4[n] + w5 * q5[n]
        maps[n] = upper + middle + w6 * q6[n] + w7 * q7[n] + w8 * q8[n]


@njit(inline="always")
def _lines(columns: np.ndarray, width: int) -> Any:
    """The nine places of a window: rows apart in one image, columns in another one."""
    a, b, c = columns[0], columns[1], columns[2]
    second, third = width, 2 * width
    return a, b, c, a[second:], b[second:], c[second:], a[third:], b[third:], c[third:]


@njit(fastmath=FAST)
def _moments(maps: np.ndarray, normed: bool) -> tuple[Any, Any]:
    """Mean of a map, and one over its standard deviation; 0 and 1 where nothing is normalised."""
    size, total = np.float32(maps.shape[0]), np.float32(0)
    if not normed:
        return total, np.float32(1)
    for n in range(maps.shape[0]):
        total += maps[n]
    mean, total = total / size, np.float32(0)
    for n in range(maps.shape[0]):
        total += (maps[n] - mean) * (maps[n] - mean)
    return mean, np.float32(1) / np.sqrt(total / size + np.float32(EPS))


@njit(fastmath=FAST)
def forward(
    x: np.ndarray,
    taps: np.ndarray,
    bias: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    padding: int,
    normed: bool,
    out: np.ndarray,
    moments: np.ndarray,
) -> None:
    """Fill the block's maps, and mean and one over the standard deviation of what it normalises."""
    height, width = x.shape[2] + 2 * padding - SIDE + 1, x.shape[3] + 2 * padding - SIDE + 1
    nothing, quarter = np.float32(0), np.float32(0.25)
    columns = np.empty((SIDE, (height + SIDE - 1) * width), x.dtype)
    maps, line = np.empty(height * width, x.dtype), np.empty(width, x.dtype)
    each = taps.shape[0] // x.shape[1]
    lines = _lines(columns, width)
    for image in range(x.shape[0]):
        for channel in range(taps.shape[0]):
            if channel % each == 0:
                _columns(x[image, channel // each], padding, width, columns)
            _convolve(lines, taps[channel], bias[channel], maps)
            mean, spread = _moments(maps, normed)
            moments[0, image, channel], moments[1, image, channel] = mean, spread
            factor = scale[channel] * spread
            offset = shift[channel] - mean * factor
            for row in range(height // 2):
                upper, lower = maps[2 * row * width :], maps[(2 * row + 1) * width :]
                for n in range(width):
                    a, b = factor * upper[n] + offset, factor * lower[n] + offset
                    # Compared so that NaN stays NaN.
                    line[n] = (nothing if a <= 0 else a) + (nothing if b <= 0 else b)
                for n in range(width // 2):
                    out[image, channel, row, n] = (line[2 * n] + line[2 * n + 1]) * quarter


@njit(fastmath=FAST)
def backward(
    x: np.ndarray,
    taps: np.ndarray,
    bias: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    padding: int,
    normed: bool,
    moments: np.ndarray,
    gradient: np.ndarray,
    of_x: np.ndarray,
    of_taps: np.ndarray,
    of_scale: np.ndarray,
    of_shift: np.ndarray,
) -> None:
    """Add up gradients; those of images only where `of_x` holds any."""
    height, width = x.shape[2] + 2 * padding - SIDE + 1, x.shape[3] + 2 * padding - SIDE + 1
    size, zeros = height * width, (SIDE - 1) * width
    columns = np.empty((SIDE, size + zeros), x.dtype)
    back = np.zeros((SIDE, size + zeros), x.dtype)
    framed = np.zeros(size + 2 * zeros, x.dtype)  # a map with rows of zeros above and below
    maps, seen = framed[zeros : zeros + size], np.zeros(size, x.dtype)
    each = taps.shape[0] // x.shape[1]
    lines = _lines(columns, width)
    for image in range(x.shape[0]):
        for channel in range(taps.shape[0]):
            if channel % each == 0:
                _columns(x[image, channel // each], padding, width, columns)
            _convolve(lines, taps[channel], bias[channel], maps)
            mean, spread = moments[0, image, channel], moments[1, image, channel]
            given, parameters = gradient[image, channel], (scale[channel], shift[channel])
            settings = width, normed, mean, spread
            total, product = _through_norm(given, maps, *settings, *parameters, seen)
            of_shift[channel] += total
            of_scale[channel] += product
            _of_taps(lines, maps, of_taps[channel])
            if len(of_x):
                _of_columns(framed, width, taps[channel], back)
                if (channel + 1) % each == 0:
                    _to_image(back, padding, width, of_x[image, channel // each])
                    back[:] = 0


@njit(fastmath=FAST)
def _through_norm(
    gradient: np.ndarray,
    maps: np.ndarray,
    width: int,
    normed: bool,
    mean: Any,
    spread: Any,
    scale: Any,
    shift: Any,
    seen: np.ndarray,
) -> tuple[Any, Any]:
    """Turn a map (pixels,) into its gradient; return those of `shift` and `scale`.

    `seen` is what comes through ReLU.
    """
    factor, size = scale * spread, np.float32(maps.shape[0])
    total, product = _through_relu(gradient, maps, width, factor, shift - mean * factor, seen)
    product = (product - mean * total) * spread
    share = np.float32(normed) / size  # of the mean, and of the deviation, that the norm takes off
    slope = factor * spread * product * share
    constant = factor * total * share - slope * mean
    for n in range(maps.shape[0]):
        maps[n] = factor * seen[n] - constant - slope * maps[n]
    return total, product


@njit(fastmath=FAST)
def _through_relu(
    gradient: np.ndarray, maps: np.ndarray, width: int, factor: Any, offset: Any, seen: np.ndarray
) -> tuple[Any, Any]:
    """Fill the gradient of a normalised map; its sum, and the sum of its products with the map."""
    quarter, total, product = np.float32(0.25), np.float32(0), np.float32(0)
    for row in range(gradient.shape[0]):
        upper, lower = seen[2 * row * width :], seen[(2 * row + 1) * width :]
        for n in range(gradient.shape[1]):
            upper[2 * n] = upper[2 * n + 1] = gradient[row, n] * quarter
        for n in range(width):
            lower[n] = upper[n]
    for n in range(maps.shape[0]):
        each = seen[n] * np.float32(factor * maps[n] + offset > 0)
        seen[n] = each
        total += each
        product += each * maps[n]
    return total, product


@njit(fastmath=FAST, inline="always")
def _of_taps(lines: Any, gradient: np.ndarray, of_taps: np.ndarray) -> None:
    """Add a map's gradient, times what its pixels see, to the gradient of the nine weights."""
    q0, q1, q2, q3, q4, q5, q6, q7, q8 = lines
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = t8 = gradient.dtype.type(0)
    for n in range(gradient.shape[0]):
        each = gradient[n]
        t0, t1, t2 = t0 + each * q0[n], t1 + each * q1[n], t2 + each * q2[n]
        t3, t4, t5 = t3 + each * q3[n], t4 + each * q4[n], t5 + each * q5[n]
        t6, t7, t8 = t6 + each * q6[n], t7 + each * q7[n], t8 + each * q8[n]
    for n, each in enumerate((t0, t1, t2, t3, t4, t5, t6, t7, t8)):
        of_taps[n] += each


@njit(fastmath=FAST)
def _of_columns(framed: np.ndarray, width: int, taps: np.ndarray, back: np.ndarray) -> None:
    """Add to the gradient of the three moved images."""
    first, second, third = framed[2 * width :], framed[width:], framed
    for column in range(SIDE):
        a, b, c = taps[column], taps[SIDE + column], taps[2 * SIDE + column]
        line = back[column]
        for n in range(line.shape[0]):
            line[n] += a * first[n] + b * second[n] + c * third[n]


@njit(fastmath=FAST)
def _to_image(back: np.ndarray, padding: int, width: int, of_image: np.ndarray) -> None:
    """Add the gradient of the three moved images to that of the image: transposed `_columns`."""
    for column in range(SIDE):
        for place in range(back.shape[1]):
            row, n = place // width - padding, place % width + column - padding
            if 0 <= row < of_image.shape[0] and 0 <= n < of_image.shape[1]:
                of_image[row, n] += back[column, place]
