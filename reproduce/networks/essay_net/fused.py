"""A training step of the essay's net, forward, backward and SGD in one compiled function.

On ten images most of a step's hundred tensor operations cost more to start than to do; and behind
max-pooling, ReLU and dropout one activation in a dozen has a gradient, which loops can use and
matrix products cannot.

Arithmetic is that of `models.EssayNet` and `torch.optim.SGD`, but for rounding (tested). Networks
follow one after the other, so each has the same bits in any stack.

One long file on purpose: numba's cache on disk looks at the file of the function that is called
alone, so a change of a function in another file would go unnoticed.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from reproduce.networks.models import EssayNet, Stack
from reproduce.recipe import Recipe
from reproduce.support.jit import njit

BATCH = 10  # the essay's; images lie side by side in memory, and smaller batches are filled up
SIDE = 5  # of the convolutions' windows
CHANNELS = 10  # of the first block
WINDOW = 56  # a row of the second windows, 5 columns of 10 channels, filled up to whole vectors
DEAD = 4  # no phase wins where ReLU gives zero
ZERO = np.float32(0)
HALF = 160  # numbers in every second column of a row, filled up
WIDEST = 2 * HALF // BATCH  # pixels
CHUNK = 40  # numbers that a loop of constant length takes: five vectors


def fits(recipe: Recipe, model: Stack, width: int) -> bool:
    """Whether `step` trains this model by this recipe: the essay's net by SGD, on the CPU.

    `width` is that of the images.
    """
    plain = (recipe.optimiser, recipe.loss, recipe.momentum, recipe.weight_decay)
    weight = next(model.parameters())
    return (
        isinstance(model, EssayNet)
        and plain == ("sgd", "cross-entropy", 0.0, 0.0)
        and recipe.batch <= BATCH
        and width <= WIDEST
        and weight.device.type == "cpu"
        and weight.element_size() == 4
    )


def step(model: EssayNet, x: Tensor, y: Tensor, noise: Tensor, rate: float) -> None:
    """One step of SGD for each network, in place.

    Parameters
    ----------
    model : EssayNet
        K networks, float32.
    x : Tensor of shape (K, B, 1, H, W)
        Normalised images, B at most `BATCH`.
    y : Tensor of shape (K, B, C)
        Probabilities.
    noise : Tensor of shape (K, B, 70)
        Uniform in 0..1; dropout keeps what is below a half, doubled.
    rate : float
        Learning rate.
    """
    layers = (model.conv1, model.conv2, model.linear1, model.linear2)
    parameters = [t.detach().numpy() for layer in layers for t in (layer.weight, layer.bias)]
    images = np.ascontiguousarray(x[:, :, 0].numpy())
    _steps(images, y.contiguous().numpy(), noise.numpy(), np.float32(rate), *parameters)


@njit()
def _steps(
    images: np.ndarray,
    targets: np.ndarray,
    noise: np.ndarray,
    rate: np.float32,
    weight1: np.ndarray,
    bias1: np.ndarray,
    weight2: np.ndarray,
    bias2: np.ndarray,
    hidden: np.ndarray,
    hidden_bias: np.ndarray,
    last: np.ndarray,
    last_bias: np.ndarray,
) -> None:
    nets, count, height, width = images.shape
    maps = weight2.shape[1]
    rows, columns = (height - 4) // 2, (width - 4) // 2
    below, across = (rows - 4) // 2, (columns - 4) // 2
    x = np.zeros((1, height, width, BATCH), np.float32)
    inner = np.empty((CHANNELS, rows, columns, BATCH), np.float32)
    outer = np.empty((maps, below, across, BATCH), np.float32)
    won1 = np.empty(inner.shape, np.int8)
    won2 = np.empty(outer.shape, np.int8)
    sums = np.empty(8 * HALF, np.float32)
    window = np.zeros(rows * columns * CHANNELS + WINDOW, np.float32)
    given = np.empty(window.shape, np.float32)
    spread = np.zeros((CHANNELS, 2 * rows, 2 * columns, BATCH), np.float32)
    for net in range(nets):
        _side_by_side(images[net], x[0])
        _block(_halves(x), weight1[net].ravel(), bias1[net], inner, won1, sums, height)
        _block(_halves(inner), weight2[net].ravel(), bias2[net], outer, won2, sums, rows)
        seen = outer.reshape(maps, below * across, BATCH)
        back = _classifier(seen, noise[net], targets[net], hidden[net], hidden_bias[net], last[net],
                           last_bias[net], rate)  # fmt: skip
        taps = _windows(weight2[net])
        change = np.zeros(taps.shape, np.float32)
        spread[:] = np.float32(0)
        for image in range(count):
            _gather(inner, image, window)
            given[:] = np.float32(0)
            _second(back[image], won2, image, window, taps, given, change, columns)
            _scatter(given, won1, image, spread)
        for number in range(maps):
            bias2[net, number] -= rate * _taken(back[:, number], won2[number])
        for channel in range(CHANNELS):
            bias1[net, channel] -= rate * _sum(spread[channel].ravel())
        _take_windows(weight2[net], change, rate)
        _first(spread.ravel(), x.ravel(), weight1[net].ravel(), (height, width), rate)


@njit()
def _side_by_side(images: np.ndarray, out: np.ndarray) -> None:
    """Images (B, H, W) as (H, W, BATCH)."""
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            for image in range(len(images)):
                out[row, column, image] = images[image, row, column]


@njit()
def _halves(x: np.ndarray) -> np.ndarray:
    """(C, H, W, BATCH) as flat (C, H, 2, HALF), the even columns of a row before the odd ones."""
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


# One slice that is read and one that is written, constants between and a constant length: so the
# innermost loop is vectors alone, and nothing has to be compared before it begins.
@njit(fastmath={"contract", "nsz"})
def _block(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    won: np.ndarray,
    sums: np.ndarray,
    height: int,
) -> None:
    """Convolve `_halves`, pool, ReLU: (O, H', W', BATCH), and who won."""
    channels = len(x) // (height * 2 * HALF)
    rows, length = out.shape[1], out.shape[2] * BATCH
    for output in range(0, len(bias), 2):
        for row in range(rows):
            sums[:] = np.float32(0)
            for parity in range(2):
                lines = sums[4 * parity * HALF :]  # of two outputs the even and the odd columns
                for channel in range(channels):
                    for tap in range(SIDE):
                        line = (channel * height + 2 * row + parity + tap) * 2 * HALF
                        at = ((output * channels + channel) * SIDE + tap) * SIDE
                        u = weight[at : at + SIDE]
                        at += channels * SIDE * SIDE
                        v = weight[at : at + SIDE]
                        u0, u1, u2, u3, u4 = u[0], u[1], u[2], u[3], u[4]
                        v0, v1, v2, v3, v4 = v[0], v[1], v[2], v[3], v[4]
                        for start in range(0, length, CHUNK):
                            p, acc = x[line + start :], lines[start:]
                            for n in range(CHUNK):
                                e, f = p[n], p[HALF + n]
                                g, h = p[BATCH + n], p[HALF + BATCH + n]
                                i, j = p[2 * BATCH + n], p[HALF + 2 * BATCH + n]
                                acc[n] += u0 * e + u1 * f + u2 * g + u3 * h + u4 * i
                                acc[HALF + n] += u0 * f + u1 * g + u2 * h + u3 * i + u4 * j
                                acc[2 * HALF + n] += v0 * e + v1 * f + v2 * g + v3 * h + v4 * i
                                acc[3 * HALF + n] += v0 * f + v1 * g + v2 * h + v3 * i + v4 * j
            for half in range(2):
                target = out[output + half, row].ravel()
                winner = won[output + half, row].ravel()
                _pool(sums[2 * half * HALF :], bias[output + half], target, winner)


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
def _windows(weight: np.ndarray) -> np.ndarray:
    """Weights (O, C, 5, 5) as (O, 5, WINDOW): column by column their channels, then zeros."""
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
    """Move weights (O, C, 5, 5) against changes that lie as `_windows` do."""
    for output in range(len(weight)):
        for tap in range(SIDE):
            for column in range(SIDE):
                for channel in range(CHANNELS):
                    at = column * CHANNELS + channel
                    weight[output, channel, tap, column] -= rate * change[output, tap, at]


@njit(fastmath={"contract", "nsz", "reassoc"})
def _classifier(
    outer: np.ndarray,
    noise: np.ndarray,
    targets: np.ndarray,
    hidden: np.ndarray,
    hidden_bias: np.ndarray,
    last: np.ndarray,
    last_bias: np.ndarray,
    rate: np.float32,
) -> np.ndarray:
    """Dropout and the two linear layers: a step, and the gradient (B, O, N) of the maps."""
    maps, positions = outer.shape[:2]
    units, features = hidden.shape
    count, classes = targets.shape
    change = np.zeros_like(hidden)
    change_last = np.zeros_like(last)
    change_bias = np.zeros_like(hidden_bias)
    change_last_bias = np.zeros_like(last_bias)
    back = np.empty((count, features), np.float32)
    seen = np.empty(features, np.float32)
    active = np.empty(units, np.float32)
    keep = np.empty(units, np.float32)
    answers = np.empty(classes, np.float32)
    for image in range(count):
        for number in range(maps):
            kept = np.float32(2) if noise[image, number] < 0.5 else np.float32(0)
            for position in range(positions):
                seen[number * positions + position] = outer[number, position, image] * kept
        for unit in range(units):
            total = np.float32(0)
            row = hidden[unit]
            for n in range(features):
                total += row[n] * seen[n]
            total += hidden_bias[unit]
            kept = np.float32(2) if noise[image, maps + unit] < 0.5 else np.float32(0)
            keep[unit] = np.float32(0) if total <= 0 else kept
            active[unit] = total * keep[unit]
        highest = np.float32(-np.inf)
        for label in range(classes):
            total = np.float32(0)
            for unit in range(units):
                total += last[label, unit] * active[unit]
            answers[label] = total + last_bias[label]
            highest = max(highest, answers[label])
        norm, mass = np.float32(0), np.float32(0)
        for label in range(classes):
            answers[label] = np.exp(answers[label] - highest)
            norm += answers[label]
            mass += targets[image, label]
        own = back[image]
        own[:] = np.float32(0)
        for label in range(classes):
            answers[label] = (answers[label] / norm * mass - targets[image, label]) / np.float32(
                count
            )
            change_last_bias[label] += answers[label]
            for unit in range(units):
                change_last[label, unit] += answers[label] * active[unit]
        for unit in range(units):
            if keep[unit] == 0:
                continue
            total = np.float32(0)
            for label in range(classes):
                total += last[label, unit] * answers[label]
            total *= keep[unit]
            change_bias[unit] += total
            row, changed = hidden[unit], change[unit]
            for n in range(features):
                own[n] += total * row[n]
                changed[n] += total * seen[n]
        for number in range(maps):
            kept = np.float32(2) if noise[image, number] < 0.5 else np.float32(0)
            for position in range(positions):
                own[number * positions + position] *= kept
    hidden -= rate * change
    hidden_bias -= rate * change_bias
    last -= rate * change_last
    last_bias -= rate * change_last_bias
    return back.reshape(count, maps, positions)


@njit()
def _gather(inner: np.ndarray, image: int, out: np.ndarray) -> None:
    """One image's activations (C, H, W, BATCH) as flat (H, W, C)."""
    channels, rows, columns = inner.shape[:3]
    for row in range(rows):
        for column in range(columns):
            target = out[(row * columns + column) * CHANNELS :]
            for channel in range(channels):
                target[channel] = inner[channel, row, column, image]


@njit(fastmath={"contract", "nsz"})
def _second(
    back: np.ndarray,
    won: np.ndarray,
    image: int,
    seen: np.ndarray,
    taps: np.ndarray,
    given: np.ndarray,
    change: np.ndarray,
    columns: int,
) -> None:
    """The second block backward, for one image: each winner's window takes and gives its part."""
    maps, below, across = won.shape[:3]
    for number in range(maps):
        for row in range(below):
            for column in range(across):
                phase = won[number, row, column, image]
                part = back[number, row * across + column]
                if phase == DEAD or part == 0:
                    continue
                top, left = 2 * row + phase // 2, 2 * column + phase % 2
                for tap in range(SIDE):
                    start = ((top + tap) * columns + left) * CHANNELS
                    window, target = seen[start : start + WINDOW], given[start : start + WINDOW]
                    weights, changed = taps[number, tap], change[number, tap]
                    for n in range(WINDOW):  # what lies beyond the window meets zeros
                        target[n] += part * weights[n]
                        changed[n] += part * window[n]


@njit()
def _taken(back: np.ndarray, won: np.ndarray) -> np.float32:
    """Sum of a map's gradients (B, N) that ReLU lets through."""
    total = np.float32(0)
    across = won.shape[1]
    for image in range(len(back)):
        for position in range(back.shape[1]):
            if won[position // across, position % across, image] != DEAD:
                total += back[image, position]
    return total


@njit(fastmath={"contract", "nsz", "reassoc"})
def _sum(values: np.ndarray) -> np.float32:
    total = ZERO
    for value in values:
        total += value
    return total


@njit()
def _scatter(given: np.ndarray, won: np.ndarray, image: int, out: np.ndarray) -> None:
    """One image's gradients, flat (H', W', C), to the winners' places, (C, H, W, BATCH)."""
    channels, rows, columns = won.shape[:3]
    for channel in range(channels):
        for row in range(rows):
            for column in range(columns):
                phase = won[channel, row, column, image]
                if phase != DEAD:
                    part = given[(row * columns + column) * CHANNELS + channel]
                    out[channel, 2 * row + phase // 2, 2 * column + phase % 2, image] = part


@njit(fastmath={"contract", "nsz", "reassoc"})
def _first(
    spread: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    shape: tuple[int, int],
    rate: np.float32,
) -> None:
    """Move the first weights: products of gradients and pixels, two channels at a time."""
    height, width = shape
    rows, length = (height - 4) // 2 * 2, (width - 4) // 2 * 2 * BATCH
    for channel in range(0, CHANNELS, 2):
        for tap in range(SIDE):
            u0, u1, u2, u3, u4 = ZERO, ZERO, ZERO, ZERO, ZERO
            v0, v1, v2, v3, v4 = ZERO, ZERO, ZERO, ZERO, ZERO
            for row in range(rows):
                start = (channel * rows + row) * length
                a = spread[start : start + length]
                start += rows * length
                b = spread[start : start + length]
                start = (row + tap) * width * BATCH
                p = x[start : start + length + 4 * BATCH]
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
