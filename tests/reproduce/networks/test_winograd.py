"""Winograd's method computes PyTorch's convolution, and its derivatives of every order."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reproduce.networks import layers, winograd
from reproduce.training import cost

CHANNELS = 3


def given_maps(
    batch: int, height: int, width: int, nets: int = 1, shared: bool = False, seed: int = 0
) -> list[Tensor]:
    """Maps, weights and biases of some networks, in float64."""
    generator = torch.Generator().manual_seed(seed)
    maps = CHANNELS if shared else nets * CHANNELS
    shapes = [(batch, maps, height, width), (nets, CHANNELS + 1, CHANNELS, 3, 3)]
    parts = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    bias = torch.randn(nets, CHANNELS + 1, generator=generator, dtype=torch.float64)
    return [part.requires_grad_() for part in (*parts, bias)]


def plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """As `winograd.convolve`, by PyTorch's convolution."""
    groups = x.shape[1] // weight.shape[2]
    return F.conv2d(x, weight.flatten(0, 1), bias.flatten(), padding=1, groups=groups)


@settings(deadline=None, max_examples=30)  # the first call compiles
@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 10),
    width=st.integers(1, 10),
    nets=st.integers(1, 2),
    shared=st.booleans(),
    seed=st.integers(0, 99),
)
def test_maps_and_derivatives_equal_those_of_plain_convolution(
    batch: int, height: int, width: int, nets: int, shared: bool, seed: int
) -> None:
    parts = given_maps(batch, height, width, nets, shared, seed)
    mine, theirs = winograd.convolve(*parts), plain(*parts)
    torch.testing.assert_close(mine, theirs)
    along = torch.randn_like(theirs).requires_grad_()
    first = [torch.autograd.grad(y, parts, along, create_graph=True) for y in (mine, theirs)]
    ways = [torch.randn_like(part) for part in parts]
    second = [torch.autograd.grad(gradients, (*parts[:2], along), ways) for gradients in first]
    for pairs in (first, second):
        for one, other in zip(*pairs, strict=True):
            torch.testing.assert_close(one, other)


def test_float32_differs_by_rounding() -> None:
    parts = [part.float() for part in given_maps(4, 16, 16)]
    exact = plain(*(part.double() for part in parts))
    difference = (winograd.convolve(*parts) - exact).abs().max() / exact.abs().max()
    assert difference < 5e-5


def test_images_in_parts_give_the_same_maps_and_derivatives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = given_maps(3, 5, 8, nets=2)
    whole = winograd.convolve(*parts)
    monkeypatch.setattr(winograd, "AT_ONCE", 1)
    one_by_one = winograd.convolve(*parts)
    torch.testing.assert_close(one_by_one, whole)
    gradients = [torch.autograd.grad(maps.square().sum(), parts) for maps in (whole, one_by_one)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_cost_knows_the_points() -> None:
    assert cost.POINTS == winograd.POINTS


def test_a_networks_maps_do_not_depend_on_its_neighbours() -> None:
    x, weight, bias = (part.detach().float() for part in given_maps(3, 8, 8, nets=3))
    together = winograd.convolve(x, weight, bias).chunk(3, 1)
    for net, one in enumerate(x.chunk(3, 1)):
        alone = winograd.convolve(one.contiguous(), weight[net : net + 1], bias[net : net + 1])
        torch.testing.assert_close(alone, together[net])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_layer_takes_it_where_it_fits(
    layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    convolve = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", lambda *given: taken.append(1) or convolve(*given))
    conv = layers.Conv(1, 96, 96, 3, padding=1)
    conv.reset(0, torch.Generator().manual_seed(0))
    x = torch.randn(16, 96, 8, 8).contiguous(memory_format=layout)
    expected = plain(x.double(), conv.weight.double(), conv.bias.double())
    torch.testing.assert_close(conv(x).double(), expected, rtol=1e-4, atol=1e-4)
    assert taken
    for unlike in (
        (x[:, :, :7], conv.weight, 1, 1),  # narrow maps
        (x[:1], conv.weight, 1, 1),  # few tiles
        (x, conv.weight, 2, 1),
        (x, conv.weight, 1, 0),
        (x[:, :64], conv.weight[:, :, :64], 1, 1),  # few channels
        (x.double(), conv.weight.double(), 1, 1),
        (x.to("meta"), conv.weight.to("meta"), 1, 1),
        (x, conv.weight[..., :2], 1, 1),
    ):
        assert not winograd.fits(*unlike)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not winograd.fits(x, conv.weight, 1, 1)
