"""Kernels of infinitely wide networks: those of wide ones, and gradients that are right."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from reproduce.networks.infinite import BIAS, conv_kernels

SIDE = 6


def wide_kernels(x: Tensor, weights: list[Tensor]) -> tuple[Tensor, Tensor]:
    """NNGP kernel and NTK of a finite network, in which standard normal weights are scaled."""
    generator = torch.Generator().manual_seed(1)
    biases = [torch.randn(len(weight), generator=generator) for weight in weights]
    h = x
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        scale = ((2 if layer else 1) / weight[0].numel()) ** 0.5
        b = BIAS**0.5 * bias.requires_grad_()
        w = scale * weight.requires_grad_()
        h = F.relu(F.conv2d(h, w, b, padding=1))
    h = h.flatten(1)
    top = torch.randn(h.shape[1], generator=generator).requires_grad_()
    outputs = (2 / h.shape[1]) ** 0.5 * h @ top
    learned = [*weights, *biases, top]
    gradients = [torch.autograd.grad(one, learned, retain_graph=True) for one in outputs]
    rows = torch.stack([torch.cat([g.flatten() for g in gradient]) for gradient in gradients])
    return 2 / h.shape[1] * (h @ h.T).detach(), rows @ rows.T


def related() -> Tensor:
    """Three images, of which the second is near the first."""
    x = torch.randn(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    x[1] = 0.8 * x[0] + 0.4 * x[1]
    return x


@pytest.mark.parametrize("depth", [1, 2])
def test_kernels_are_those_of_wide_networks(depth: int) -> None:
    generator = torch.Generator().manual_seed(2)
    x, width = related(), 1024
    weights = [
        torch.randn(width, width if layer else 1, 3, 3, generator=generator)
        for layer in range(depth)
    ]
    found = wide_kernels(x, weights)
    for ours, theirs in zip(conv_kernels(x.double(), x.double(), depth), found, strict=True):
        torch.testing.assert_close(ours.float(), theirs, rtol=0.05, atol=0.05)


def test_variances_are_kept_and_kernels_are_positive() -> None:
    x = related().double()
    nngp, ntk = conv_kernels(x, x, 3)
    means = [x.square()]
    for _ in range(3):
        means.append(F.avg_pool2d(means[-1], 3, 1, 1) + BIAS)
    torch.testing.assert_close(nngp.diagonal(), means[-1].mean((1, 2, 3)))
    for kernel in (nngp, ntk):
        torch.testing.assert_close(kernel, kernel.T)
        assert torch.linalg.eigvalsh(kernel).min() > 0


@pytest.mark.parametrize("which", [0, 1])
def test_gradient_equals_finite_differences(which: int) -> None:
    x = related().double().requires_grad_()
    y = x.detach().flip(3)
    torch.autograd.gradcheck(lambda x: conv_kernels(x, y, 2)[which], x)
    # The differences of an NTK's diagonal have errors of rounding.
    torch.autograd.gradcheck(lambda x: conv_kernels(x, x, 2)[which], x, atol=1e-3)


def test_gradient_is_sound_where_images_are_equal() -> None:
    """As their backgrounds are: there the tangent kernel has a kink."""
    x = related().double()
    x[:, :, :, :3] = 0.5
    given, y = x.clone().requires_grad_(), torch.cat([x[:1], x])
    torch.autograd.gradcheck(lambda x: conv_kernels(x, y, 2)[0], given)
    for kernel in conv_kernels(given, y, 3):
        (gradient,) = torch.autograd.grad(kernel.sum(), given, retain_graph=True)
        assert gradient.isfinite().all()
        assert gradient.abs().max() < 1
