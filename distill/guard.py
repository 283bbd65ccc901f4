"""The guard of updates: gradients are averaged over processes, clipped, or refused."""

from __future__ import annotations

import math

import torch

from distill import ranks
from distill.synthetic import SyntheticSet
from reproduce.errors import UserError

CLIP = 2.0  # gradients are cut at so many times their running mean norm (RaT-BPTT)
EXPLODED = 1000.0  # times the running mean norm: not a gradient to follow
GOOD_EVERY = 50  # turns between states to roll back to
MOST_ROLLBACKS = 8


def clipped(synthetic: SyntheticSet, loss: float, usual: float | None) -> float | None:
    """Average a set's gradients over all processes, and cut them to a healthy length.

    Parameters
    ----------
    synthetic : SyntheticSet
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
    ranks.average(synthetic.learned())
    gradients = [p.grad for p in synthetic.learned() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    usual = norm if usual is None else usual
    sound = math.isfinite(loss) and math.isfinite(norm) and norm <= EXPLODED * usual
    # Sums over processes need not have the same bits in each of them; what follows from them must.
    if ranks.mean(float(sound)) < 1:
        return None
    if norm > CLIP * usual > 0:  # PyTorch's own clipping adds a constant to the norm
        scale(synthetic, CLIP * usual / norm)
    return norm


def diverged(step: int, scale: float) -> UserError:
    """The error where roll-backs do not help, at this update and part of the step size."""
    return UserError(
        f"the loss is no longer finite at update {step}, with steps as small as {scale:.2g} of "
        "--image-lr, too; try a smaller --inner-lr or a shorter --window"
    )


def scale(synthetic: SyntheticSet, factor: float) -> None:
    """Multiply a set's gradients."""
    for parameter in synthetic.learned():
        if parameter.grad is not None:
            parameter.grad *= factor
