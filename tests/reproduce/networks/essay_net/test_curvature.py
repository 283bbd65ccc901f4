"""The compiled step that gradients pass through, against plain PyTorch in float64."""

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from reproduce.networks.essay_net.curvature import Descent
from reproduce.networks.models import EssayNet
from reproduce.training.losses import cross_entropy


def given(nets: int, count: int, side: int) -> tuple[list[Tensor], Tensor, EssayNet]:
    """Images, targets, rate and parameters; noise; and a stack of their shapes."""
    generator = torch.Generator().manual_seed(0)
    stack = EssayNet(nets, (side, side), 10)
    stack.initialise(range(nets))
    images = torch.randn(nets, count, 1, side, side, generator=generator)
    targets = torch.rand(nets, count, 10, generator=generator)  # of any sum
    noise = torch.rand(nets, count, 70, generator=generator)
    parameters = [p.detach() for p in stack.parameters()]
    return [images, targets, torch.tensor(0.08), *parameters], noise, stack


def plain(stack: EssayNet, noise: Tensor, x: Tensor, y: Tensor, rate: Tensor, *old: Tensor) -> list:
    """The step by autograd."""
    named = dict(zip([name for name, _ in stack.named_parameters()], old, strict=True))
    loss = cross_entropy(functional_call(stack, named, (x, noise)), y).sum()
    found = torch.autograd.grad(loss, old, create_graph=True)
    return [p - rate * gradient for p, gradient in zip(old, found, strict=True)]


@pytest.mark.parametrize(("nets", "count", "side"), [(1, 10, 28), (3, 4, 28), (2, 10, 20)])
def test_gradients_through_a_step_are_those_of_autograd(nets: int, count: int, side: int) -> None:
    arguments, noise, stack = given(nets, count, side)
    generator = torch.Generator().manual_seed(1)
    ways = [torch.randn(p.shape, generator=generator) for p in stack.parameters()]
    exact = [t.double().requires_grad_() for t in arguments]
    new = plain(stack.double(), noise, *exact)
    wanted = torch.autograd.grad(new, exact, [way.double() for way in ways])
    ours = [t.requires_grad_() for t in arguments]
    found = Descent.apply(ours[0], ours[1], noise, *ours[2:])
    gradients = torch.autograd.grad(found, ours, ways)
    for mine, theirs in zip((*found, *gradients), (*new, *wanted), strict=True):
        scale = theirs.abs().max().item()
        torch.testing.assert_close(mine.double(), theirs, rtol=0, atol=1e-4 * scale)
