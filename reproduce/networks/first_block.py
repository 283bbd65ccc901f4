"""The first block of a ConvNet in one pass: convolution of single maps, norm, ReLU, 2x2 mean.

Its maps have the most pixels, and its convolution sums nine products alone. As separate operations
the block spends its time on memory: a quarter of a training step and of an evaluation. Here the
maps of a channel are computed, normalised and averaged while they lie in a processor's nearest
cache. Training keeps none of them; the way back computes them anew.
`reproduce.networks.single_maps` has the loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from reproduce.networks import single_maps
from reproduce.networks.single_maps import EPS, SIDE, TAPS


def fits(x: Tensor, weight: Tensor, stride: int) -> bool:
    """Whether `first_block` takes these images and weights: in float32, as they are to be computed.

    Parameters
    ----------
    x : Tensor of shape (B, N, H, W)
    weight : Tensor of shape (K, O, C, height, width)
    stride : int
        Of the convolution.
    """
    single = weight.shape[2:] == (1, SIDE, SIDE) and stride == 1
    on_cpu = {x.device.type, weight.device.type} == {"cpu"}
    exact = {x.dtype, weight.dtype} == {torch.float32} and not torch.is_autocast_enabled("cpu")
    return single and on_cpu and exact


def first_block(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    padding: int,
    scale: Tensor | None = None,
    shift: Tensor | None = None,
) -> Tensor:
    """Convolve, normalise each map over its pixels, and average ReLU over 2x2 pixels.

    Parameters
    ----------
    x : Tensor of shape (B, K, H, W)
        An image for each network, or (B, 1, H, W), which all networks share; `fits`.
    weight : Tensor of shape (K, O, 1, 3, 3)
    bias : Tensor of shape (K, O)
    padding : int
        Zeros around an image.
    scale, shift : Tensor of shape (K, O) or None
        What normalised maps are multiplied by and moved by; without them nothing is normalised.

    Returns
    -------
    Tensor of shape (B, K * O, (H + 2 * padding - 2) // 2, (W + 2 * padding - 2) // 2)
        Twice differentiable.
    """
    normed = scale is not None and shift is not None
    scale = torch.ones_like(bias) if scale is None else scale
    shift = torch.zeros_like(bias) if shift is None else shift
    taps, *others = weight.reshape(-1, TAPS), bias.flatten(), scale.flatten(), shift.flatten()
    out: Tensor = _Block.apply(x, taps, *others, padding, normed)
    return out


class _Block(Function):
    """`first_block`; weights are (N, 9), all else (N,), for the N channels of all networks."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        """Compute the block."""
        *given, padding, normed = arguments
        ctx.settings = padding, normed
        x, taps = given[:2]
        height, width = (side + 2 * padding - SIDE + 1 for side in x.shape[2:])
        out = x.new_empty(len(x), len(taps), height // 2, width // 2)
        moments = x.new_empty(2, len(x), len(taps))
        ctx.save_for_backward(*given, moments)
        single_maps.forward(*_arrays(*given), *ctx.settings, out.numpy(), moments.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of all that was given."""
        of_images = ctx.needs_input_grad[0]
        found = _Gradient.apply(gradient, *ctx.saved_tensors, *ctx.settings, of_images)
        return *found, None, None


class _Gradient(Function):
    """The gradient of `_Block`; its own is left to PyTorch's operations."""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, *saved: Any
    ) -> tuple[Tensor | None, Tensor, Tensor, Tensor, Tensor]:
        """Go back through the block."""
        *given, moments, padding, normed, of_images = saved
        ctx.settings = padding, normed
        ctx.save_for_backward(gradient, *given)
        x, taps, bias, scale, shift = given
        of_x = torch.zeros_like(x if of_images else x[:0], memory_format=torch.contiguous_format)
        of_taps, of_scale, of_shift = map(torch.zeros_like, (taps, scale, shift))
        found = of_x, of_taps, of_scale, of_shift
        arrays = _arrays(x, taps, bias, scale, shift)
        single_maps.backward(*arrays, *ctx.settings, *_arrays(moments, gradient, *found))
        # The norm takes off whatever the bias adds; without a norm the bias is the only shift.
        of_bias = torch.zeros_like(bias) if normed else of_shift.clone()
        return of_x if of_images else None, of_taps, of_bias, of_scale, of_shift

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *second: Tensor | None) -> tuple[Tensor | None, ...]:
        """Differentiate the first gradient."""
        saved = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        gradient, *given = saved
        with torch.enable_grad():
            out = _plain(given, *ctx.settings)
            first = torch.autograd.grad(out, given, gradient, create_graph=True)
            pairs = zip(first, second, strict=True)
            total = torch.stack([(one * two).sum() for one, two in pairs if two is not None]).sum()
        found = torch.autograd.grad(total, saved, allow_unused=True)
        return *found, None, None, None, None


def _plain(given: list[Tensor], padding: int, normed: bool) -> Tensor:
    """The block by PyTorch's operations."""
    x, taps, bias, scale, shift = given
    weight = taps.view(-1, 1, SIDE, SIDE)
    maps = F.conv2d(x, weight, bias, padding=padding, groups=x.shape[1])
    if normed:
        maps = F.group_norm(maps, len(taps), scale, shift, EPS)
    else:
        maps = maps * scale[:, None, None] + shift[:, None, None]
    return F.avg_pool2d(F.relu(maps), 2)


def _arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)
