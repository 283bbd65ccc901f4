"""The two linear layers of the essay's net in a training step, compiled.

Dropout and ReLU leave about a quarter of the hidden units with a gradient, and the others are
passed over.
"""

from __future__ import annotations

import numpy as np

from reproduce.support.jit import njit

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
    change, change_bias = np.zeros_like(hidden), np.zeros_like(hidden_bias)
    change_last, change_last_bias = np.zeros_like(last), np.zeros_like(last_bias)
    seen = np.empty(hidden.shape[1], np.float32)
    active, keep = np.empty(len(hidden), np.float32), np.empty(len(hidden), np.float32)
    errors = np.empty(len(last), np.float32)
    back[:] = np.float32(0)
    for image in range(len(targets)):
        maps_noise, unit_noise = noise[image, : len(maps)], noise[image, len(maps) :]
        _keep_maps(maps, image, maps_noise, seen)
        _hidden_layer(seen, hidden, hidden_bias, unit_noise, active, keep)
        _errors(active, last, last_bias, targets[image], len(targets), errors)
        for label in range(len(errors)):
            change_last_bias[label] += errors[label]
            for unit in range(len(active)):
                change_last[label, unit] += errors[label] * active[unit]
        _back(errors, last, keep, hidden, seen, back[image], change, change_bias)
        _drop(back[image], maps_noise)
    hidden -= rate * change
    hidden_bias -= rate * change_bias
    last -= rate * change_last
    last_bias -= rate * change_last_bias


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
        total, row = np.float32(0), weight[unit]
        for n in range(len(seen)):
            total += row[n] * seen[n]
        total += bias[unit]
        keep[unit] = np.float32(0) if total <= 0 else _kept(noise[unit])
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
def _back(
    errors: np.ndarray,
    last: np.ndarray,
    keep: np.ndarray,
    hidden: np.ndarray,
    seen: np.ndarray,
    back: np.ndarray,
    change: np.ndarray,
    change_bias: np.ndarray,
) -> None:
    """Add one image's part to the gradient of the hidden layer and to that of what it saw."""
    for unit in range(len(hidden)):
        if keep[unit] == 0:
            continue
        total = np.float32(0)
        for label in range(len(errors)):
            total += last[label, unit] * errors[label]
        total *= keep[unit]
        change_bias[unit] += total
        row, changed = hidden[unit], change[unit]
        for n in range(len(seen)):
            back[n] += total * row[n]
            changed[n] += total * seen[n]
