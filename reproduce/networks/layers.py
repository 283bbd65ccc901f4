"""Layers of stacks: K sets of parameters, computed together.

Maps are (B, K * C, H, W), as they are inside a stack (`reproduce.networks.stack`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reproduce.networks import winograd
from reproduce.networks.relu_mean import relu_mean

VECTOR, SIDE = 16, 3  # channels that a processor takes at once, at most; pixels of usual kernels
MOMENTUM, EPS = 0.1, 1e-5  # of batch norm: part of a batch in running means; beside variances


class Layer(nn.Module):
    """K sets of weights and biases with PyTorch's default initialisation, in float32."""

    def __init__(self, nets: int, *shape: int) -> None:
        super().__init__()
        self.nets = nets
        self.weight = nn.Parameter(torch.empty(nets, *shape, dtype=torch.float32))
        self.bias = nn.Parameter(torch.empty(nets, shape[0], dtype=torch.float32))

    @torch.no_grad()
    def reset(self, net: int, generator: torch.Generator) -> None:
        """Draw network `net`: uniform within 1 / sqrt(fan in), weights first, then biases."""
        bound = 1 / math.sqrt(self.weight[net, 0].numel())
        for part in (self.weight, self.bias):
            drawn = torch.rand(part[net].shape, generator=generator, dtype=torch.float32)
            part[net] = drawn.mul_(2 * bound).sub_(bound)


class Conv(Layer):
    """Convolution, (B, C, H, W) shared by all networks or (B, K * C, H, W) to (B, K * O, H, W)."""

    def __init__(
        self, nets: int, inputs: int, outputs: int, size: int, padding: int = 0, stride: int = 1
    ) -> None:
        super().__init__(nets, outputs, inputs, size, size)
        self.padding, self.stride = padding, stride

    def forward(self, x: Tensor) -> Tensor:
        if winograd.fits(x, self.weight, self.stride, self.padding):
            return winograd.convolve(x, self.weight, self.bias)
        groups = x.shape[1] // self.weight.shape[2]
        if self.alone:
            maps = x.chunk(groups, 1) if groups > 1 else [x] * self.nets
            each = zip(maps, self.weight, self.bias, strict=True)
            return torch.cat([F.conv2d(m, w, b, self.stride, self.padding) for m, w, b in each], 1)
        weight, bias = self.weight.flatten(0, 1), self.bias.flatten()
        return F.conv2d(x, weight, bias, self.stride, self.padding, groups=groups)

    @property
    def alone(self) -> bool:
        """Whether networks are convolved one by one.

        Side by side, processors sum other widths and kernels than the usual ones in another order,
        and single maps, too, unless their padding is as wide as the kernel.
        """
        outputs, inputs, size = self.weight.shape[1:4]
        if outputs % VECTOR or size != SIDE:
            return True
        return inputs % VECTOR > 0 if inputs > 1 else self.padding < size


class Linear(Layer):
    """Fully connected, (K, B, I) to (K, B, O)."""

    def __init__(self, nets: int, inputs: int, outputs: int) -> None:
        super().__init__(nets, outputs, inputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[:, None], x, self.weight.transpose(1, 2))


class InstanceNorm(nn.Module):
    """Normalise each image and channel over space, then scale and shift by learned parameters."""

    def __init__(self, nets: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(nets, channels, dtype=torch.float32))
        self.bias = nn.Parameter(torch.zeros(nets, channels, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, x.shape[1], self.weight.flatten(), self.bias.flatten())


class GroupNorm(InstanceNorm):
    """Normalise over space and all channels of a network, then scale and shift each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, len(self.weight), self.weight.flatten(), self.bias.flatten())


class BatchNorm(InstanceNorm):
    """Normalise each channel over the batch and space; in `eval` by running means.

    With `graph`, gradients pass through the running means of a functional call.
    """

    mean: Tensor
    variance: Tensor
    graph = False

    def __init__(self, nets: int, channels: int) -> None:
        super().__init__(nets, channels)
        self.register_buffer("mean", torch.zeros(nets * channels, dtype=torch.float32))
        self.register_buffer("variance", torch.ones(nets * channels, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight.flatten(), self.bias.flatten()
        if self.graph and not self.training:  # PyTorch's own takes running means as constants
            scale = weight * (self.variance + EPS).rsqrt()
            return x * scale[:, None, None] + (bias - self.mean * scale)[:, None, None]
        if self.graph:
            variance, mean = torch.var_mean(x, (0, 2, 3))
            self.mean.lerp_(mean, MOMENTUM)
            self.variance.lerp_(variance, MOMENTUM)
            return F.batch_norm(x, None, None, weight, bias, True)
        return F.batch_norm(x, self.mean, self.variance, weight, bias, self.training, MOMENTUM)


NORMS: dict[str, Callable[[int, int], nn.Module]] = {
    "instance": InstanceNorm,
    "group": GroupNorm,
    "batch": BatchNorm,
    "none": lambda nets, channels: nn.Identity(),
}


class ReluMean(nn.Module):
    """ReLU, then the mean over 2x2 pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return relu_mean(x)


# The activation of a block with the mean over 2x2 pixels after it.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": ReluMean,
    "softplus": lambda: nn.Sequential(nn.Softplus(beta=30), nn.AvgPool2d(2)),
}
