"""Fused pooling equals PyTorch's own operations, whichever way it is computed."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reproduce.networks.essay_net import pooling
from reproduce.networks.essay_net.pooling import pool, relu_mean

LAYOUTS = pytest.mark.parametrize("width", [1, 2], ids=["rows", "columns"])


def random_phases(width: int, maps: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Phases and two biases for `maps` maps, in float64."""
    generator = torch.Generator().manual_seed(seed)
    shape = (width, maps, 4 // width, length)
    phases = torch.randn(shape, generator=generator, dtype=torch.float64)
    return phases, torch.randn(1, 2, generator=generator, dtype=torch.float64)


def plain(phases: Tensor, bias: Tensor) -> Tensor:
    maps = phases.shape[1]
    return torch.relu(phases.amax((0, 2)) + bias.flatten().repeat_interleave(maps // 2)[:, None])


@LAYOUTS
@settings(deadline=None)  # the first call compiles
@given(maps=st.integers(1, 4), length=st.integers(1, 40), seed=st.integers(0, 99))
def test_both_ways_equal_plain_operations(width: int, maps: int, length: int, seed: int) -> None:
    phases, bias = random_phases(width, 2 * maps, length, seed)
    expected = plain(phases, bias)
    out, winner = pooling.compare(phases, bias)
    torch.testing.assert_close(out, expected)
    for mine, same in zip(pooling.compare_tensors(phases, bias), (out, winner), strict=True):
        assert torch.equal(mine, same)
    handed = [way(out, winner, phases.shape, bias.shape) for way in WAYS]
    torch.testing.assert_close(handed[0], handed[1])


WAYS = (pooling.scatter, pooling.scatter_tensors)


@LAYOUTS
def test_first_and_second_gradients(width: int) -> None:
    phases, bias = (part.requires_grad_() for part in random_phases(width, 4, 3))
    assert torch.autograd.gradcheck(pool, (phases, bias))
    assert torch.autograd.gradgradcheck(pool, (phases, bias))


@LAYOUTS
def test_the_first_of_equal_phases_takes_the_gradient(width: int) -> None:
    phases = torch.ones(width, 2, 4 // width, 3, requires_grad=True)
    pool(phases, torch.zeros(1, 2)).sum().backward()
    assert phases.grad is not None
    assert torch.equal(phases.grad.sum((0, 2)), torch.ones(2, 3))
    assert torch.equal(phases.grad[0, :, 0], torch.ones(2, 3))


def test_not_a_number_stays_so() -> None:
    phases = torch.full((1, 2, 4, 3), torch.nan)
    for way in (pooling.compare, pooling.compare_tensors):
        assert way(phases, torch.zeros(1, 2))[0].isnan().all()


@settings(deadline=None)
@given(height=st.integers(2, 9), width=st.integers(2, 9), seed=st.integers(0, 99))
def test_mean_of_relu_equals_plain_operations(height: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64)
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = F.avg_pool2d(F.relu(theirs), 2)
    torch.testing.assert_close(relu_mean(mine), expected)
    weights = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    (relu_mean(mine) * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_mean_of_relu_twice() -> None:
    x = torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(relu_mean, (x,))
    assert torch.autograd.gradgradcheck(relu_mean, (x,))
    assert relu_mean(torch.full((1, 1, 2, 2), torch.nan)).isnan().all()
