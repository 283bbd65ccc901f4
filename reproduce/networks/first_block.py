"""The first block of a ConvNet in one pass: convolution of single maps, norm, ReLU, 2x2 mean.

Its maps have the most pixels, and its convolution sums nine products alone. As separate operations
the block spends its time on memory: a quarter of a training step and of an evaluation. Here the
maps of a channel are computed, normalised and averaged while they lie in a processor's nearest
cache. Training keeps none of them; the way back computes them anew.

The three columns of a window are kept as three images, each moved by one pixel. A window's rows are
then a whole line of memory apart, whatever the column, and the loops over pixels run through memory
in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from reproduce.support.jit import njit

SIDE, TAPS = 3, 9  # of the window that is convolved
FAST = {"contract", "nsz", "reassoc"}  # sums may be taken in any order
EPS = 1e-5  # beside variances, as PyTorch's


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
    x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, padding: int
) -> Tensor:
    """Convolve, normalise each map over its pixels, and average ReLU over 2x2 pixels.

    Parameters
    ----------
    x : Tensor of shape (B, K, H, W)
        An image for each network, or (B, 1, H, W), which all networks share; `fits`.
    weight : Tensor of shape (K, O, 1, 3, 3)
    bias, scale, shift : Tensor of shape (K, O)
        Of the convolution, and what normalised maps are multiplied by and moved by.
    padding : int
        Zeros around an image.

    Returns
    -------
    Tensor of shape (B, K * O, (H + 2 * padding - 2) // 2, (W + 2 * padding - 2) // 2)
        Twice differentiable.
    """
    taps, *others = weight.reshape(-1, TAPS), bias.flatten(), scale.flatten(), shift.flatten()
    out: Tensor = _Block.apply(x, taps, *others, padding)
    return out


class _Block(Function):
    """`first_block`; weights are (N, 9), all else (N,), for the N channels of all networks."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, taps: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, padding: int
    ) -> Tensor:
        """Compute the block."""
        ctx.padding = padding
        height, width = (side + 2 * padding - SIDE + 1 for side in x.shape[2:])
        out = x.new_empty(len(x), len(taps), height // 2, width // 2)
        moments = x.new_empty(2, len(x), len(taps))
        given = x, taps, bias, scale, shift
        ctx.save_for_backward(*given, moments)
        _forward(*_arrays(*given), padding, out.numpy(), moments.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of all that was given."""
        of_images = ctx.needs_input_grad[0]
        return *_Gradient.apply(gradient, *ctx.saved_tensors, ctx.padding, of_images), None


class _Gradient(Function):
    """The gradient of `_Block`; its own is left to PyTorch's operations."""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, *saved: Any
    ) -> tuple[Tensor | None, Tensor, Tensor, Tensor, Tensor]:
        """Go back through the block."""
        *given, moments, ctx.padding, of_images = saved
        ctx.save_for_backward(gradient, *given)
        x, taps, bias, scale, shift = given
        of_x = torch.zeros_like(x if of_images else x[:0], memory_format=torch.contiguous_format)
        of_taps, of_scale, of_shift = map(torch.zeros_like, (taps, scale, shift))
        found = of_x, of_taps, of_scale, of_shift
        arrays = _arrays(x, taps, bias, scale, shift)
        _backward(*arrays, ctx.padding, *_arrays(moments, gradient, *found))
        # The norm takes off whatever the bias adds.
        return of_x if of_images else None, of_taps, torch.zeros_like(bias), of_scale, of_shift

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *second: Tensor | None) -> tuple[Tensor | None, ...]:
        """Differentiate the first gradient."""
        saved = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        gradient, *given = saved
        with torch.enable_grad():
            out = _plain(given, ctx.padding)
            first = torch.autograd.grad(out, given, gradient, create_graph=True)
            pairs = zip(first, second, strict=True)
            total = torch.stack([(one * two).sum() for one, two in pairs if two is not None]).sum()
        found = torch.autograd.grad(total, saved, allow_unused=True)
        return *found, None, None, None


def _plain(given: list[Tensor], padding: int) -> Tensor:
    """The block by PyTorch's operations."""
    x, taps, bias, scale, shift = given
    weight = taps.view(-1, 1, SIDE, SIDE)
    maps = F.conv2d(x, weight, bias, padding=padding, groups=x.shape[1])
    return F.avg_pool2d(F.relu(F.group_norm(maps, len(taps), scale, shift, EPS)), 2)


def _arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)


@njit(fastmath=FAST)
def _columns(image: np.ndarray, padding: int, width: int, columns: np.ndarray) -> None:
    """Fill columns (3, rows * width) with the padded image, moved by 0, 1 and 2 pixels."""
    for column in range(SIDE):
        for place in range(columns.shape[1]):
            row, n = place // width - padding, place % width + column - padding
            inside = 0 <= row < image.shape[0] and 0 <= n < image.shape[1]
            columns[column, place] = image[row, n] if inside else np.float32(0)


@njit(fastmath=FAST, inline="always")
def _convolve(lines: Any, taps: np.ndarray, bias: Any, maps: np.ndarray) -> None:
    """Fill one map (pixels,); a line is what all its pixels see at one place of their windows."""
    q0, q1, q2, q3, q4, q5, q6, q7, q8 = lines
    w0, w1, w2, w3, w4 = taps[0], taps[1], taps[2], taps[3], taps[4]
    w5, w6, w7, w8 = taps[5], taps[6], taps[7], taps[8]
    for n in range(maps.shape[0]):
        upper = bias + w0 * q0[n] + w1 * q1[n] + w2 * q2[n]
        middle = w3 * q3[n] + w4 * q4[n] + w5 * q5[n]
        maps[n] = upper + middle + w6 * q6[n] + w7 * q7[n] + w8 * q8[n]


@njit(inline="always")
def _lines(columns: np.ndarray, width: int) -> Any:
    """The nine places of a window: rows apart in one image, columns in another one."""
    a, b, c = columns[0], columns[1], columns[2]
    second, third = width, 2 * width
    return a, b, c, a[second:], b[second:], c[second:], a[third:], b[third:], c[third:]


@njit(fastmath=FAST)
def _moments(maps: np.ndarray) -> tuple[np.float32, np.float32]:
    """Mean of a map, and one over its standard deviation."""
    size, total = np.float32(maps.shape[0]), np.float32(0)
    for n in range(maps.shape[0]):
        total += maps[n]
    mean, total = total / size, np.float32(0)
    for n in range(maps.shape[0]):
        total += (maps[n] - mean) * (maps[n] - mean)
    return mean, np.float32(1) / np.sqrt(total / size + np.float32(EPS))


@njit(fastmath=FAST)
def _forward(
    x: np.ndarray,
    taps: np.ndarray,
    bias: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    padding: int,
    out: np.ndarray,
    moments: np.ndarray,
) -> None:
    """Fill the block's maps, and mean and one over the standard deviation of what it normalises."""
    height, width = x.shape[2] + 2 * padding - SIDE + 1, x.shape[3] + 2 * padding - SIDE + 1
    nothing, quarter = np.float32(0), np.float32(0.25)
    columns = np.empty((SIDE, (height + SIDE - 1) * width), x.dtype)
    maps, line = np.empty(height * width, x.dtype), np.empty(width, x.dtype)
    each = taps.shape[0] // x.shape[1]
    lines = _lines(columns, width)
    for image in range(x.shape[0]):
        for channel in range(taps.shape[0]):
            if channel % each == 0:
                _columns(x[image, channel // each], padding, width, columns)
            _convolve(lines, taps[channel], bias[channel], maps)
            mean, spread = _moments(maps)
            moments[0, image, channel], moments[1, image, channel] = mean, spread
            factor = scale[channel] * spread
            offset = shift[channel] - mean * factor
            for row in range(height // 2):
                upper, lower = maps[2 * row * width :], maps[(2 * row + 1) * width :]
                for n in range(width):
                    a, b = factor * upper[n] + offset, factor * lower[n] + offset
                    # Compared so that NaN stays NaN.
                    line[n] = (nothing if a <= 0 else a) + (nothing if b <= 0 else b)
                for n in range(width // 2):
                    out[image, channel, row, n] = (line[2 * n] + line[2 * n + 1]) * quarter


@njit(fastmath=FAST)
def _backward(
    x: np.ndarray,
    taps: np.ndarray,
    bias: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    padding: int,
    moments: np.ndarray,
    gradient: np.ndarray,
    of_x: np.ndarray,
    of_taps: np.ndarray,
    of_scale: np.ndarray,
    of_shift: np.ndarray,
) -> None:
    """Add up gradients; those of images only where `of_x` holds any."""
    height, width = x.shape[2] + 2 * padding - SIDE + 1, x.shape[3] + 2 * padding - SIDE + 1
    size, zeros = height * width, (SIDE - 1) * width
    columns = np.empty((SIDE, size + zeros), x.dtype)
    back = np.zeros((SIDE, size + zeros), x.dtype)
    framed = np.zeros(size + 2 * zeros, x.dtype)  # a map with rows of zeros above and below
    maps, seen = framed[zeros : zeros + size], np.zeros(size, x.dtype)
    each = taps.shape[0] // x.shape[1]
    lines = _lines(columns, width)
    for image in range(x.shape[0]):
        for channel in range(taps.shape[0]):
            if channel % each == 0:
                _columns(x[image, channel // each], padding, width, columns)
            _convolve(lines, taps[channel], bias[channel], maps)
            mean, spread = moments[0, image, channel], moments[1, image, channel]
            factor = scale[channel] * spread
            offset = shift[channel] - mean * factor
            total, product = _through_relu(
                gradient[image, channel], maps, width, factor, offset, seen
            )
            product = (product - mean * total) * spread
            of_shift[channel] += total
            of_scale[channel] += product
            slope = factor * spread * product / np.float32(size)
            constant = factor * total / np.float32(size) - slope * mean
            for n in range(size):
                maps[n] = factor * seen[n] - constant - slope * maps[n]
            _of_taps(lines, maps, of_taps[channel])
            if len(of_x):
                _of_columns(framed, width, taps[channel], back)
                if (channel + 1) % each == 0:
                    _to_image(back, padding, width, of_x[image, channel // each])
                    back[:] = 0


@njit(fastmath=FAST)
def _through_relu(
    gradient: np.ndarray, maps: np.ndarray, width: int, factor: Any, offset: Any, seen: np.ndarray
) -> tuple[np.float32, np.float32]:
    """Fill the gradient of a normalised map; its sum, and the sum of its products with the map."""
    quarter, total, product = np.float32(0.25), np.float32(0), np.float32(0)
    for row in range(gradient.shape[0]):
        upper, lower = seen[2 * row * width :], seen[(2 * row + 1) * width :]
        for n in range(gradient.shape[1]):
            upper[2 * n] = upper[2 * n + 1] = gradient[row, n] * quarter
        for n in range(width):
            lower[n] = upper[n]
    for n in range(maps.shape[0]):
        each = seen[n] * np.float32(factor * maps[n] + offset > 0)
        seen[n] = each
        total += each
        product += each * maps[n]
    return total, product


@njit(fastmath=FAST, inline="always")
def _of_taps(lines: Any, gradient: np.ndarray, of_taps: np.ndarray) -> None:
    """Add a map's gradient, times what its pixels see, to the gradient of the nine weights."""
    q0, q1, q2, q3, q4, q5, q6, q7, q8 = lines
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = t8 = gradient.dtype.type(0)
    for n in range(gradient.shape[0]):
        each = gradient[n]
        t0, t1, t2 = t0 + each * q0[n], t1 + each * q1[n], t2 + each * q2[n]
        t3, t4, t5 = t3 + each * q3[n], t4 + each * q4[n], t5 + each * q5[n]
        t6, t7, t8 = t6 + each * q6[n], t7 + each * q7[n], t8 + each * q8[n]
    for n, each in enumerate((t0, t1, t2, t3, t4, t5, t6, t7, t8)):
        of_taps[n] += each


@njit(fastmath=FAST)
def _of_columns(framed: np.ndarray, width: int, taps: np.ndarray, back: np.ndarray) -> None:
    """Add to the gradient of the three moved images."""
    first, second, third = framed[2 * width :], framed[width:], framed
    for column in range(SIDE):
        a, b, c = taps[column], taps[SIDE + column], taps[2 * SIDE + column]
        line = back[column]
        for n in range(line.shape[0]):
            line[n] += a * first[n] + b * second[n] + c * third[n]


@njit(fastmath=FAST)
def _to_image(back: np.ndarray, padding: int, width: int, of_image: np.ndarray) -> None:
    """Add the gradient of the three moved images to that of the image: transposed `_columns`."""
    for column in range(SIDE):
        for place in range(back.shape[1]):
            row, n = place // width - padding, place % width + column - padding
            if 0 <= row < of_image.shape[0] and 0 <= n < of_image.shape[1]:
                of_image[row, n] += back[column, place]
