"""A step of the essay's net that gradients pass through: what distillation unrolls.

One step of SGD makes w - r g(w) of parameters w. Backward, a gradient v by the new parameters needs
the derivatives of the slope g(w) . v by w, by the images and by the targets. Pearlmutter (1994)
computes them with one forward pass of derivatives along v and one backward pass through both: about
three times the work of the step. A step keeps its parameters and its maps: 0.2 MB for one network
and ten images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from reproduce.networks.essay_net import blocks, second_order
from reproduce.networks.essay_net.step import descend

Arrays = list[np.ndarray]  # of both convolutions and both linear layers, weight and bias of each


class Descent(torch.autograd.Function):
    """One step of SGD on the cross-entropy for K networks.

    Its arguments are images (K, B, 1, H, W), targets (K, B, C), noise (K, B, 70), the rate as a
    scalar, and the eight parameters, as `step.step` takes them; it returns the new parameters.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, noise: Tensor, rate: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        """Take the step, and keep what it came from."""
        new = tuple(p.clone() for p in parameters)
        arrays = [p.numpy() for p in new]
        maps = descend(_array(x[:, :, 0]), _array(y), _array(noise), np.float32(rate), arrays)
        ctx.sides = tuple(x.shape[3:])
        ctx.save_for_backward(y, noise, rate, *map(torch.from_numpy, maps), *parameters)
        return new

    @staticmethod
    def backward(ctx: Any, *ways: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients by images, targets, rate and parameters."""
        y, noise, rate, *kept = ctx.saved_tensors
        arrays, direction = [_array(t) for t in kept], [_array(way) for way in ways]
        by_x, by_y, slope, bent = _slope(
            arrays[:5], _array(y), _array(noise), arrays[5:], direction, ctx.sides
        )
        step = float(rate)
        by_parameters = [
            torch.from_numpy(v - step * b) for v, b in zip(direction, bent, strict=True)
        ]
        by_images = torch.from_numpy(-step * by_x)[:, :, None]
        return (
            by_images,
            torch.from_numpy(-step * by_y),
            None,
            rate.new_tensor(-slope),
            *by_parameters,
        )


def _slope(
    maps: Arrays,
    targets: np.ndarray,
    noise: np.ndarray,
    arrays: Arrays,
    ways: Arrays,
    sides: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, float, Arrays]:
    """The slope along `ways`, and its gradients by images, targets and parameters.

    `maps` are what `blocks.forward` returns.
    """
    seen, inner, inner_winner, outer, outer_winner = maps
    inner_way, outer_way = blocks.tangents(
        seen, inner, inner_winner, outer_winner, arrays[2], *ways[:4]
    )
    back, bend, by_targets, slope, linear = _linear_slope(
        outer, outer_way, noise, targets, arrays[4:], ways[4:]
    )
    weights, directions = (arrays[0], arrays[2]), (ways[0], ways[2])
    by_pixels, convolutions = second_order.second(
        (back, bend),
        seen,
        (inner, inner_way),
        inner_winner,
        outer_winner,
        weights,
        directions,
        sides,
    )
    by_images = by_pixels.transpose(0, 3, 1, 2)[:, : targets.shape[1]]
    return by_images, by_targets, slope, [*convolutions, *linear]


def _linear_slope(
    maps: np.ndarray,
    moved: np.ndarray,
    noise: np.ndarray,
    targets: np.ndarray,
    arrays: Arrays,
    ways: Arrays,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, Arrays]:
    """The part of both linear layers, and what goes back to the maps: slopes and their bends.

    A name with `_way` is a derivative along the direction; `bend_` goes before the gradient of the
    slope by a value, `slope_` before that by its derivative.
    """
    nets, count = targets.shape[:2]
    hidden, hidden_bias, last, last_bias = arrays
    hidden_way, hidden_bias_way, last_way, last_bias_way = ways
    keep = 2 * (noise < 0.5).astype(np.float32)
    positions = maps.shape[2] * maps.shape[3]
    keep_maps = keep[..., : maps.shape[1]].repeat(positions, axis=2)  # (K, B, F)
    seen, seen_way = (
        m.reshape(nets, -1, m.shape[-1])[..., :count].transpose(0, 2, 1) * keep_maps
        for m in (maps, moved)
    )
    raw = seen @ hidden.mT + hidden_bias[:, None]  # (K, B, U)
    keep_units = keep[..., maps.shape[1] :] * (raw > 0)
    units = raw * keep_units
    units_way = seen @ hidden_way.mT + hidden_bias_way[:, None] + seen_way @ hidden.mT
    units_way *= keep_units
    logits = units @ last.mT + last_bias[:, None]  # (K, B, C)
    logits_way = units @ last_way.mT + last_bias_way[:, None] + units_way @ last.mT
    slope_logits, bend_logits, by_targets = _loss_slope(logits, logits_way, targets)
    slope_units = slope_logits @ last * keep_units
    bend_units = (slope_logits @ last_way + bend_logits @ last) * keep_units
    slope_seen = slope_units @ hidden * keep_maps
    bend_seen = (slope_units @ hidden_way + bend_units @ hidden) * keep_maps
    linear = [
        slope_units.mT @ seen_way + bend_units.mT @ seen,
        bend_units.sum(1),
        slope_logits.mT @ units_way + bend_logits.mT @ units,
        bend_logits.sum(1),
    ]
    shape = (nets, count, maps.shape[1], positions)
    slope = float((slope_logits * logits_way).sum())
    return slope_seen.reshape(shape), bend_seen.reshape(shape), by_targets, slope, linear


def _loss_slope(
    logits: np.ndarray, way: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope and bend of the mean cross-entropy at logits (K, B, C), and the slope by targets."""
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    mass, count = targets.sum(-1, keepdims=True), np.float32(targets.shape[1])
    centred = way - (shares * way).sum(-1, keepdims=True)
    return (shares * mass - targets) / count, shares * centred * (mass / count), -centred / count


def _array(tensor: Tensor) -> np.ndarray:
    """The tensor's numbers, contiguous."""
    return np.ascontiguousarray(tensor.detach().numpy())
