"""Stacks: several networks of one shape that share every tensor operation.

All parameters carry a leading dimension K, the number of networks; a plain network is a stack of
one. Network k's outputs and gradients depend on network k's parameters and inputs alone. Tensors
are written (K, B, C, H, W) at the border; inside they are (B, K * C, H, W), so that a grouped
convolution computes all networks at once.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from reproduce.networks.layers import Layer, Linear


def seeded(seed: int, purpose: str) -> torch.Generator:
    """A generator for one purpose of one replicate, independent of all others."""
    entropy = [zlib.crc32(purpose.encode()), seed]
    return torch.Generator().manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))


class Stack(nn.Module):
    """K networks of one shape.

    `noise` is how many uniform numbers an image needs for dropout, `together` how many images are
    best evaluated at once (or a multiple), `layout` the memory format.
    """

    noise = 0
    together = 32
    layout = torch.contiguous_format

    def __init__(self, nets: int) -> None:
        super().__init__()
        self.nets = nets

    def initialise(self, seeds: Sequence[int]) -> None:
        """Draw network k from seeds[k]; equal seeds give equal networks in any stack."""
        for net, seed in enumerate(seeds):
            generator = seeded(seed, "init")
            for layer in self.modules():
                if isinstance(layer, Layer):
                    layer.reset(net, generator)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits (K, B, classes) of x (K, B, 1, H, W), or (1, B, 1, H, W) shared by all.

        `noise` (K, B, self.noise), uniform in 0..1, switches dropout on.
        """
        return self.answer(self.prepare(x), noise)

    def prepare(self, x: Tensor) -> Tensor:
        """Images in the order that the first layer wants: worth keeping if they come again."""
        return self.fold(x)

    # The next three are abstract to the type checker alone: `higher` cannot patch an ABC.
    @abstractmethod
    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        """`forward` of images that `prepare` has seen to."""

    @abstractmethod
    def features(self, prepared: Tensor) -> Tensor:
        """What the last layer sees, (K, B, F), of such images."""

    def maps(self, prepared: Tensor) -> Tensor:
        """What the convolutions make of such images, (K, B, F): the features of most models."""
        return self.features(prepared)

    @property
    @abstractmethod
    def head(self) -> Linear:
        """The last layer."""

    def fold(self, x: Tensor) -> Tensor:
        """(K, B, C, H, W) to (B, K * C, H, W), in the layout that measured fastest."""
        return x.transpose(0, 1).flatten(1, 2).contiguous(memory_format=self.layout)

    def unfold(self, x: Tensor) -> Tensor:
        """(B, K * C, H, W) to (K, B, C * H * W)."""
        return x.unflatten(1, (self.nets, -1)).transpose(0, 1).flatten(2)
