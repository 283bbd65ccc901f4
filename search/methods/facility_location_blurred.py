"""Facility location on blurred images, between which small shifts and distortions count less."""

from __future__ import annotations

import numpy as np

from search.methods.base import rule
from search.methods.facility_location import covering, nearness

BLUR = 1.0  # standard deviation of the Gaussian, in pixels


def blurred_nearness(images: np.ndarray) -> np.ndarray:
    """`nearness` of images that a Gaussian has blurred.

    The distance of blurred images changes little under small deformations, unlike that of pixels
    (Wang, Zhang and Feng 2005, the Euclidean distance of images).
    """
    from scipy.ndimage import gaussian_filter

    return nearness(gaussian_filter(images, (0, 0, BLUR, BLUR)))


METHOD = rule(covering(blurred_nearness))
