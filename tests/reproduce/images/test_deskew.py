"""Deskewing undoes shear and shift."""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from reproduce.images.deskew import deskew


def slanted(slant: float, right: float) -> np.ndarray:
    """A soft upright bar on 29x29 pixels, sheared about its middle and moved."""
    y, x = torch.meshgrid(torch.arange(29.0) - 14, torch.arange(29.0) - 14, indexing="ij")
    across = x - slant * y - right
    return torch.exp(-(across**2) / 10 - y**2 / 40)[None, None].numpy()


@settings(max_examples=25, deadline=None)
@given(slant=st.floats(-0.6, 0.6), right=st.floats(-3, 3))
def test_a_slanted_bar_is_set_upright_and_centred(slant: float, right: float) -> None:
    upright = deskew(slanted(slant, right))
    assert np.abs(upright - slanted(0, 0)).max() < 0.06  # bilinear lookup blurs


def test_upright_and_empty_images_stay_as_they_are() -> None:
    images = np.concatenate([slanted(0, 0), np.zeros((1, 1, 29, 29), np.float32)])
    np.testing.assert_allclose(deskew(images), images, atol=1e-5)
    assert images.dtype == deskew(images).dtype == np.float32


def test_each_image_on_its_own() -> None:
    rng = torch.Generator().manual_seed(0)
    images = F.avg_pool2d(torch.rand(5, 1, 30, 30, generator=rng), 3, 1).numpy()
    together = deskew(images)
    for image, expected in zip(images, together, strict=True):
        np.testing.assert_allclose(deskew(image[None])[0], expected, atol=1e-5)
