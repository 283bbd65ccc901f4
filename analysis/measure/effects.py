"""Differences that an analysis has measured, paired by seed, and intervals of a random curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.statistics import Interval, mean_interval, set_interval

Analysis = dict[str, Any]


def change_name(change: Analysis) -> str:
    """The name of a change of `variants.changes`, for people."""
    names = {
        "order": "another order",
        "batches": f"batches of {change['amount']}",
        "rounded": "256 levels",
        "clipped": "cut to 0..1, 8 bits",
        "noise": f"noise {change['amount']}",
    }
    return names[change["kind"]]


def paired_change(analysis: Analysis, change: Analysis) -> Interval:
    """The mean difference between the changed and the unchanged set, in points."""
    return _difference(change["accuracies"], analysis["accuracies"])


def lost_without(analysis: Analysis) -> list[Interval]:
    """The points of accuracy that are lost without each image."""
    return [_difference(analysis["accuracies"], less) for less in analysis["leave_one_out"]]


def without_one(analysis: Analysis) -> Interval:
    """The change of accuracy when one image is missing, averaged over the images, in points."""
    return _difference(np.mean(analysis["leave_one_out"], axis=0), analysis["accuracies"])


def curve_intervals(curve: Analysis) -> list[Interval]:
    """The mean accuracy of random sets of each size, with its interval over sets."""
    return [set_interval(sets) for sets in curve["accuracies"]]


def _difference(a: Sequence[float] | np.ndarray, b: Sequence[float]) -> Interval:
    return mean_interval((np.array(a) - np.array(b)).tolist())
