"""What is learned: the gradient of images may be blurred, and nothing else of a set is."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Tensor

from distill.synthetic import SyntheticSet, blurred


def noise(seed: int, side: int = 9) -> Tensor:
    return torch.randn(2, 1, side, side, generator=torch.Generator().manual_seed(seed)).double()


@given(pixels=st.floats(0.3, 4), side=st.integers(1, 12))
def test_a_blur_is_a_gaussian(pixels: float, side: int) -> None:
    images = noise(0, side)
    sigma, reach = (0, 0, pixels, pixels), int(np.ceil(3 * pixels))
    expected = gaussian_filter(images.numpy(), sigma, mode="constant", radius=(0, 0, reach, reach))
    torch.testing.assert_close(blurred(images, pixels), torch.from_numpy(expected))


@given(pixels=st.floats(1e-300, 10))
def test_a_blur_is_symmetric_and_a_small_one_changes_nothing(pixels: float) -> None:
    """So a step along a blurred gradient is downhill."""
    one, other = noise(1), noise(2)
    left, right = ((a * blurred(b, pixels)).sum() for a, b in ((one, other), (other, one)))
    torch.testing.assert_close(left, right)
    assert (one * blurred(one, pixels)).sum() > 0
    if pixels < 0.1:
        torch.testing.assert_close(blurred(one, pixels), one)


def gradients(blur: float) -> list[Tensor]:
    """Of images and labels, under a loss whose gradient is noise."""
    images, labels = noise(3).float().numpy(), np.eye(2, dtype=np.float32)
    synthetic = SyntheticSet(images, labels, "score", blur=blur)
    toward = noise(4).float()
    ((synthetic.pixels() * toward).sum() + synthetic.labels().square().sum()).backward()
    return [parameter.grad for parameter in (synthetic.images, synthetic.raw_labels)]  # type: ignore[misc]


def test_the_gradient_of_images_alone_is_blurred() -> None:
    (sharp, labels), (soft, same) = gradients(0.0), gradients(1.5)
    torch.testing.assert_close(sharp, noise(4).float())
    torch.testing.assert_close(soft, blurred(sharp, 1.5))
    torch.testing.assert_close(same, labels)
