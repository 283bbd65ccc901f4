"""The compiled mean of ReLU equals PyTorch's own operations."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from reproduce.networks.relu_mean import relu_mean


@settings(deadline=None)  # the first call compiles
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
