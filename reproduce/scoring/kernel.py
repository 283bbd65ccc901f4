"""Kernel regression with an infinitely wide network, as a learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reproduce.candidate import Candidate
from reproduce.networks import infinite
from reproduce.recipe import MNIST_MEAN, MNIST_STD
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.training.last_layer import dual_weights

PAIRS = 300  # of images that are computed together: what stays in the cache


@dataclass(frozen=True)
class ConvKernel(Learner):
    """Ridge regression with the tangent kernel of an infinitely wide convolutional network.

    That is what such a network answers after it was trained to the end on the squared error.
    Nothing in it is random, and it is differentiable in the set: Kernel-Inducing Points (Nguyen et
    al. 2021) are images distilled for it.

    Attributes
    ----------
    depth : int
        Layers with ReLU, at least 1.
    strength : float
        Ridge, in units of the mean of the kernel's diagonal; above 0. That paper's by default.
    """

    depth: int = 3
    strength: float = 1e-6

    @property
    def random(self) -> bool:
        """There are no networks to be drawn."""
        return False

    def key(self) -> str:
        """The settings, and the constants of inputs and biases."""
        constants = f"{infinite.BIAS} {MNIST_MEAN} {MNIST_STD}"
        return f"tangent kernel {self.depth} {self.strength} {constants}"

    def largest_stack(self, candidate: Candidate, memory: float, most: int) -> int:
        """One: sets share no work."""
        return 1

    @torch.no_grad()
    def predict(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """As `Learner.predict`."""
        real = torch.tensor(images, device=where.device)
        sets = [(one.candidate.images, one.candidate.scores()) for one in replicates]
        answers = [self.answers(torch.tensor(x).to(real), torch.tensor(y), real) for x, y in sets]
        return torch.stack(answers).argmax(-1).cpu().numpy()

    def answers(self, images: Tensor, scores: Tensor, real: Tensor) -> Tensor:
        """Answers (B, C) to real images, differentiable in the set.

        Parameters
        ----------
        images : Tensor of shape (n, 1, H, W)
            The set, in pixel space.
        scores : Tensor of shape (n, C)
            Its labels: one-hot, probabilities, or any scores; what is added to a whole row does not
            matter.
        real : Tensor of shape (B, 1, H, W)
            In pixel space.
        """
        x, y = ((pixels - MNIST_MEAN) / MNIST_STD for pixels in (images, real))
        # In float64, for the kernel of few images is nearly singular.
        kernel = infinite.conv_kernels(x.double(), x.double(), self.depth)[1]
        blocks = y.split(max(1, PAIRS // len(x)))
        cross = torch.cat([infinite.conv_kernels(block, x, self.depth)[1] for block in blocks])
        centred = (scores - scores.mean(1, keepdim=True)).to(kernel)
        weights = dual_weights(kernel[None], centred[None], self.strength)[0]
        return cross @ weights.to(y.dtype)
