"""The essay's net and its training in plain PyTorch: what the compiled code computes.

Nothing imports this file but tests and benchmarks. Tests compare the compiled code with it, and
benchmarks measure how much faster the compiled code is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReferenceNet(nn.Module):
    """A LeNet with dropout, 21,840 parameters for ten classes and images of 28x28 pixels.

    Parameters
    ----------
    classes : int
    image_shape : tuple of int
        Height and width in pixels, 16 at least.
    """

    def __init__(self, classes: int = 10, image_shape: tuple[int, int] = (28, 28)) -> None:
        super().__init__()
        height, width = (((side - 4) // 2 - 4) // 2 for side in image_shape)
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.linear1 = nn.Linear(20 * height * width, 50)
        self.linear2 = nn.Linear(50, classes)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the logits (B, classes) of normalised images x (B, 1, H, W).

        Parameters
        ----------
        x : Tensor of shape (B, 1, H, W)
        noise : Tensor of shape (B, 70) or None
            Uniform in 0..1. Dropout keeps what has a number below a half, and doubles it: the 20
            maps of the second convolution, then the 50 hidden units. None switches dropout off.
        """
        keep = torch.ones(len(x), 70).to(x) if noise is None else 2 * (noise < 0.5).to(x)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # (B, 10, 12, 12) for 28x28 pixels
        x = self.conv2(x) * keep[:, :20, None, None]
        x = F.relu(F.max_pool2d(x, 2))  # (B, 20, 4, 4)
        x = F.relu(self.linear1(x.flatten(1))) * keep[:, 20:]
        return self.linear2(x)


def train_step(net: ReferenceNet, x: Tensor, y: Tensor, noise: Tensor, rate: float) -> None:
    """Take one step of gradient descent on the cross-entropy, in place.

    Parameters
    ----------
    net : ReferenceNet
    x, noise : Tensor
        As `ReferenceNet.forward` takes them.
    y : Tensor of shape (B, classes)
        Probabilities.
    rate : float
        The learning rate.
    """
    net.zero_grad()
    F.cross_entropy(net(x, noise), y).backward()
    with torch.no_grad():
        for parameter in net.parameters():
            assert parameter.grad is not None
            parameter.sub_(rate * parameter.grad)
