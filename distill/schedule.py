"""The learning rate of the set, update by update."""

from __future__ import annotations

import math

WARM = 100  # updates in which the rate rises where a learned set goes on
# Of logarithms of temperatures, which never warm up. No set has them, so that a run which goes on
# from a learned set must find them anew: a factor of 5 takes about 40 updates.
TEMPERATURE_RATE = 0.05


def cooled(part: float, cool: float) -> float:
    """A cosine from 1 down to `cool` while `part` of a stage goes from 0 to 1 (not beyond)."""
    turn = math.pi * min(1.0, max(0.0, part))
    return (1 + cool) / 2 + (1 - cool) / 2 * math.cos(turn)


def warmed(step: int) -> float:
    """A line from about 0 up to 1 at update `WARM`.

    Adam's first steps are as large as the rate, whatever the gradients are, since its moments are
    not known yet. They would throw a learned set out of its place.
    """
    return min(1.0, (step + 1) / WARM)
