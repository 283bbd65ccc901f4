"""MaxHerding: greedy maximisation of generalised coverage (Bae et al. 2024)."""

from __future__ import annotations

import numpy as np

from search.methods.base import rule
from search.methods.facility_location import covering, squared_distances

BANDWIDTH = 1.0  # of the kernel, between images of unit length


def gaussian(images: np.ndarray) -> np.ndarray:
    """The kernel k(x, y) = exp(-|x - y|^2 / bandwidth^2) between images of unit length.

    The generalised coverage of a class is C(S) = mean over images x of the largest k(x, s) for s in
    S (Bae, Noh and Sutherland 2024). The paper covers all unlabelled images in learned features,
    here each class is covered in pixels.
    """
    lengths = np.sqrt((images**2).sum((1, 2, 3), keepdims=True))
    distance = squared_distances(images / np.maximum(lengths, 1e-9))
    kernel: np.ndarray = np.exp(-distance / BANDWIDTH**2)
    return kernel


METHOD = rule(covering(gaussian))
