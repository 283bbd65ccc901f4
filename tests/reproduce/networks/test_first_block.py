"""A ConvNet's first block in one pass computes what PyTorch's operations do."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reproduce.networks import first_block
from reproduce.networks.models import build
from reproduce.recipe import Recipe

CHANNELS = 3
CONVNET = Recipe(model="convnet", width=16, norm="instance")


def block_inputs(
    batch: int,
    height: int,
    width: int,
    nets: int = 1,
    shared: bool = False,
    seed: int = 0,
    normed: bool = True,
) -> list[Tensor]:
    """Images, weights, biases, and a norm's factors and offsets of some networks, in float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(batch, 1 if shared else nets, height, width), (nets, CHANNELS, 1, 3, 3)]
    shapes += [(nets, CHANNELS)] * (3 if normed else 1)
    parts = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    return [part.requires_grad_() for part in parts]


def plain(x: Tensor, weight: Tensor, bias: Tensor, *norm: Tensor, padding: int) -> Tensor:
    """As `first_block.first_block`, by PyTorch's operations."""
    maps = F.conv2d(x, weight.flatten(0, 1), bias.flatten(), padding=padding, groups=x.shape[1])
    if norm:
        maps = F.group_norm(maps, maps.shape[1], *(part.flatten() for part in norm))
    return F.avg_pool2d(F.relu(maps), 2)


@settings(deadline=None, max_examples=30)  # the first call compiles
@given(
    batch=st.integers(1, 3),
    height=st.integers(4, 11),
    width=st.integers(4, 11),
    padding=st.integers(0, 3),
    nets=st.integers(1, 2),
    shared=st.booleans(),
    normed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_maps_and_derivatives_equal_those_of_plain_operations(
    batch: int,
    height: int,
    width: int,
    padding: int,
    nets: int,
    shared: bool,
    normed: bool,
    seed: int,
) -> None:
    parts = block_inputs(batch, height, width, nets, shared, seed, normed)
    mine = first_block.first_block(*parts[:3], padding, *parts[3:])
    theirs = plain(*parts, padding=padding)
    torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
    along = torch.randn_like(theirs).requires_grad_()
    first = [torch.autograd.grad(y, parts, along, create_graph=True) for y in (mine, theirs)]
    ways = [torch.randn_like(part) for part in parts]
    second = [torch.autograd.grad(gradients, (*parts, along), ways) for gradients in first]
    for pairs in (first, second):
        for one, other in zip(*pairs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_gradients_of_weights_alone_and_of_images_alone() -> None:
    parts = block_inputs(2, 6, 6)
    every = torch.autograd.grad(
        first_block.first_block(*parts[:3], 1, *parts[3:]).sin().sum(), parts
    )
    for wanted in (parts[:1], parts[1:]):
        kept = [p if any(p is w for w in wanted) else p.detach() for p in parts]
        some = torch.autograd.grad(
            first_block.first_block(*kept[:3], 1, *kept[3:]).sin().sum(), wanted
        )
        pairs = zip(some, every[:1] if wanted == parts[:1] else every[1:], strict=True)
        for one, other in pairs:
            assert torch.equal(one, other)


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_a_convnet_takes_it_in_float32_and_says_the_same(norm: str) -> None:
    stack = build(replace(CONVNET, norm=norm), (28, 28), 10, [3, 4]).eval()
    x = torch.rand(2, 5, 1, 28, 28)
    logits = stack(x)
    assert "_BlockBackward" in names(logits)
    with torch.autocast("cpu", torch.bfloat16):
        assert "_BlockBackward" not in names(stack(x))
    exact = stack.double()(x.double())
    assert "_BlockBackward" not in names(exact)
    torch.testing.assert_close(logits.double(), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "other", [{"norm": "batch"}, {"norm": "group"}, {"activation": "softplus"}]
)
def test_other_blocks_are_left_to_pytorch(other: dict[str, str]) -> None:
    stack = build(replace(CONVNET, **other), (28, 28), 10, [3])
    assert "_BlockBackward" not in names(stack(torch.rand(1, 5, 1, 28, 28)))


def test_nan_stays_nan() -> None:
    parts = [part.detach().float() for part in block_inputs(2, 6, 6)]
    parts[0][0, 0, 2, 2] = torch.nan
    out = first_block.first_block(*parts[:3], 1, *parts[3:])
    assert out[0].isnan().all()
    assert out[1].isfinite().all()


def names(result: Tensor) -> set[str]:
    """Names of all operations that a result comes from."""
    found, waiting = set(), [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += [following for following, _ in node.next_functions]
    return {node.name() for node in found}
