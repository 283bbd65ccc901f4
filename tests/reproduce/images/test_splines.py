"""Rotations that gradients pass through, against scipy's."""

import pytest
import torch

from reproduce.images.augment import DEGREES, Augmenter, _rotated
from reproduce.images.splines import Turner


@pytest.mark.parametrize("sides", [(28, 28), (9, 12)])
def test_a_turned_image_is_scipys(sides: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, *sides, generator=generator, dtype=torch.float64)
    degrees = range(-DEGREES, DEGREES)
    turner = Turner(images, degrees)
    for place in (0, 1, 20, 45, 46, 71, 89):
        turned = turner(torch.arange(2), torch.tensor([place, place]))
        expected = torch.from_numpy(_rotated(images.numpy(), degrees[place]))
        torch.testing.assert_close(turned, expected, rtol=0, atol=1e-10)


def test_an_augmented_image_is_the_same_with_a_graph() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(4, 28, 28, generator=generator, dtype=torch.float64)
    batch = torch.arange(4).repeat(10)
    drawn = (torch.arange(40) % 3, torch.rand(40, 2, generator=generator, dtype=torch.float64))
    plain = Augmenter(images)(batch, drawn)
    with_graph = images.clone().requires_grad_()
    shown = Augmenter(with_graph, beforehand=False)(batch, drawn)
    torch.testing.assert_close(shown, plain, rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(shown.sum(), with_graph)
    assert gradient.abs().sum() > 0
