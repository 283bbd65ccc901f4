"""Guards against gradients that no set should follow, alike in all processes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from distill import ranks

CLIP = 2.0  # gradients are cut at so many times their running mean norm (RaT-BPTT)
EXPLODED = 1000.0  # times the running mean norm: not a gradient to follow
GOOD_EVERY = 50  # turns between states to roll back to
MOST_ROLLBACKS = 8


def healthy(parameters: Iterable[nn.Parameter], loss: float, usual: float | None) -> float | None:
    """Average gradients over all processes, and cut them to a healthy length.

    Parameters
    ----------
    parameters : iterable of Parameter
        With the gradients of this process.
    loss : float
        The mean over all processes.
    usual : float or None
        Running mean of the gradient's norm; None before the first update of an objective.

    Returns
    -------
    float or None
        The norm before it was cut; None, in all processes, where loss or gradient of any of them
        are not finite, or the gradient has exploded.
    """
    learned = [p for p in parameters if p.grad is not None]
    ranks.average(learned)
    norm = float(torch.nn.utils.get_total_norm([p.grad for p in learned if p.grad is not None]))
    usual = norm if usual is None else usual
    sound = math.isfinite(loss) and math.isfinite(norm) and norm <= EXPLODED * usual
    # Sums over processes need not have the same bits in each of them; what follows from them must.
    if ranks.mean(float(sound)) < 1:
        return None
    if norm > CLIP * usual > 0:
        for parameter in learned:
            assert parameter.grad is not None
            parameter.grad *= CLIP * usual / norm
    return norm
