"""The two linear layers of the essay's net in a training step, compiled.

Dropout and ReLU leave about a quarter of the hidden units with a gradient, and the others are
passed over.
"""

from __future__ import annotations

import numpy as np

from reproduce.support.jit import njit

TOGETHER = 4  # rows that are added in one pass
ZERO = np.float32(0)
# Sums may be taken in any order, so that they are vectorised.
FAST = {"contract", "nsz", "reassoc"}


@njit()
def descend(
    maps: np.ndarray,
    noise: np.ndarray,
    targets: np.ndarray,
    hidden: np.ndarray,
    hidden_bias: np.ndarray,
    last: np.ndarray,
    last_bias: np.ndarray,
    rate: np.float32,
) -> np.ndarray:
    """Take a step of the linear layers, in place.

    Parameters
    ----------
    maps : ndarray of shape (K, O, H, W, BATCH)
        Of the second block.
    noise : ndarray of shape (K, B, O + U)
        Uniform in 0..1; dropout keeps maps and hidden units with a number below a half, doubled.
    targets : ndarray of shape (K, B, C)
    hidden, hidden_bias, last, last_bias : ndarray
        Weights (K, U, F) and biases (K, U) of the hidden layer, (K, C, U) and (K, C) of the last.
    rate : float32

    Returns
    -------
    ndarray of shape (K, B, O, H * W)
        The gradient of the maps.
    """
    nets, count = targets.shape[:2]
    outputs, size = maps.shape[1], maps.shape[4]
    back = np.empty((nets, count, hidden.shape[2]), np.float32)
    for net in range(nets):
        seen = maps[net].reshape(outputs, -1, size)
        _step(
            seen, noise[net], targets[net], hidden[net], hidden_bias[net], last[net],
            last_bias[net], rate, back[net],
        )  # fmt: skip
    return back.reshape(nets, count, outputs, -1)


@njit(fastmath=FAST)
def _step(
    maps: np.ndarray,
    noise: np.ndarray,
    targets: np.ndarray,
    hidden: np.ndarray,
    hidden_bias: np.ndarray,
    last: np.ndarray,
    last_bias: np.ndarray,
    rate: np.float32,
    back: np.ndarray,
) -> None:
    """Take one network's step, and fill the gradient (B, F) of its maps."""
    count = len(targets)
    seen = np.empty(back.shape, np.float32)
    active, keep = np.empty((2, count, len(hidden)), np.float32)
    errors = np.empty((count, len(last)), np.float32)
    slopes = np.zeros((count, len(hidden)), np.float32)  # of the loss by the hidden units
    picked = np.empty(max(count, len(hidden)) + TOGETHER, np.int64)
    parts = np.empty(len(picked), np.float32)
    for image in range(count):
        maps_noise, unit_noise = noise[image, : len(maps)], noise[image, len(maps) :]
        _keep_maps(maps, image, maps_noise, seen[image])
        _hidden_layer(seen[image], hidden, hidden_bias, unit_noise, active[image], keep[image])
        _errors(active[image], last, last_bias, targets[image], count, errors[image])
        _slopes(errors[image], last, keep[image], slopes[image])
        back[image] = ZERO
        _add(back[image], hidden, slopes[image], picked, parts)
        _drop(back[image], maps_noise)
    _move(hidden, hidden_bias, seen, -rate * slopes.T, picked, parts)
    _move(last, last_bias, active, -rate * errors.T, picked, parts)


@njit()
def _kept(noise: np.float32) -> np.float32:
    """What dropout multiplies by."""
    return np.float32(2) if noise < 0.5 else np.float32(0)


@njit()
def _keep_maps(maps: np.ndarray, image: int, noise: np.ndarray, seen: np.ndarray) -> None:
    """Write one image's maps (O, P, BATCH) after dropout into `seen`, flat (O, P)."""
    positions = maps.shape[1]
    for number in range(len(maps)):
        kept = _kept(noise[number])
        for position in range(positions):
            seen[number * positions + position] = maps[number, position, image] * kept


@njit()
def _drop(back: np.ndarray, noise: np.ndarray) -> None:
    """Dropout of the gradient, flat (O, P)."""
    positions = len(back) // len(noise)
    for number in range(len(noise)):
        kept = _kept(noise[number])
        for position in range(positions):
            back[number * positions + position] *= kept


@njit(fastmath=FAST)
def _hidden_layer(
    seen: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    noise: np.ndarray,
    active: np.ndarray,
    keep: np.ndarray,
) -> None:
    """Fill the hidden units after ReLU and dropout, and the factor of both."""
    for unit in range(len(weight)):
        kept = _kept(noise[unit])
        keep[unit], active[unit] = np.float32(0), np.float32(0)
        if kept == 0:
            continue
        total, row = np.float32(0), weight[unit]
        for n in range(len(seen)):
            total += row[n] * seen[n]
        total += bias[unit]
        keep[unit] = np.float32(0) if total <= 0 else kept
        active[unit] = total * keep[unit]


@njit(fastmath=FAST)
def _errors(
    active: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    targets: np.ndarray,
    count: int,
    errors: np.ndarray,
) -> None:
    """Fill the gradient of the mean cross-entropy over `count` images by one image's logits."""
    highest = np.float32(-np.inf)
    for label in range(len(weight)):
        total = np.float32(0)
        for unit in range(len(active)):
            total += weight[label, unit] * active[unit]
        errors[label] = total + bias[label]
        highest = max(highest, errors[label])
    norm, mass = np.float32(0), np.float32(0)
    for label in range(len(errors)):
        errors[label] = np.exp(errors[label] - highest)
        norm += errors[label]
        mass += targets[label]
    for label in range(len(errors)):
        errors[label] = (errors[label] / norm * mass - targets[label]) / np.float32(count)


@njit(fastmath=FAST)
def _slopes(errors: np.ndarray, last: np.ndarray, keep: np.ndarray, slopes: np.ndarray) -> None:
    """Fill the gradient by one image's hidden units, before ReLU and dropout."""
    for unit in range(len(keep)):
        if keep[unit] == 0:
            continue
        total = ZERO
        for label in range(len(errors)):
            total += last[label, unit] * errors[label]
        slopes[unit] = total * keep[unit]


@njit(fastmath={"contract", "nsz"})
def _add(
    target: np.ndarray, rows: np.ndarray, factors: np.ndarray, picked: np.ndarray, parts: np.ndarray
) -> None:
    """Add each of some rows times its factor, `TOGETHER` at a time, and pass over zeros.

    `picked` and `parts` are filled with the numbers of the others and their factors.
    """
    found = 0
    for row in range(len(rows)):
        picked[found], parts[found] = row, factors[row]
        found += factors[row] != 0
    for k in range(found, found + TOGETHER):
        picked[k], parts[k] = picked[0], ZERO  # fill up with what is there anyway
    for k in range(0, found, TOGETHER):
        a, b, c, d = parts[k], parts[k + 1], parts[k + 2], parts[k + 3]
        p, q, r, s = rows[picked[k]], rows[picked[k + 1]], rows[picked[k + 2]], rows[picked[k + 3]]
        for n in range(len(target)):
            target[n] = target[n] + a * p[n] + b * q[n] + c * r[n] + d * s[n]


@njit()
def _move(
    weight: np.ndarray,
    bias: np.ndarray,
    seen: np.ndarray,
    moves: np.ndarray,
    picked: np.ndarray,
    parts: np.ndarray,
) -> None:
    """Move a layer (U, F) that saw (B, F) by the moves (U, B) of what it answered."""
    for unit in range(len(weight)):
        _add(weight[unit], seen, moves[unit], picked, parts)
        for image in range(len(seen)):
            bias[unit] += moves[unit, image]
