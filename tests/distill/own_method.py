"""Methods of a user's own, as `--method module:attribute` takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from distill.methods import Method, Stage
from distill.methods.krr import KernelRidge
from distill.objectives.base import Objective


class Remembering(KernelRidge):
    """What `krr` minimises, and how far images are from a running mean of real images.

    The mean is a state of its own beside the pool.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.mean = torch.zeros_like(self.synthetic.images[0])

    def loss(self) -> Tensor:
        return super().loss() + (self.synthetic.images - self.mean).square().mean()

    def end(self) -> None:
        super().end()
        self.mean = self.mean.lerp(self.real[0].mean((0, 1)), 0.1)

    def state(self) -> Any:
        return [super().state(), self.mean]

    def restore(self, state: Any) -> None:
        pool, mean = state
        super().restore(pool)
        if mean.shape != self.mean.shape:
            raise ValueError("a mean of other images")
        self.mean = mean.to(self.mean)


class Pixels(Objective):
    """Squared distance of each image from the mean of a real batch's images of its class."""

    def loss(self) -> Tensor:
        images, labels = (part.flatten(0, 1) for part in self.real)
        weights = self.synthetic.labels() @ labels.T
        means = weights @ images.flatten(1) / weights.sum(1, keepdim=True).clamp_min(1)
        return (self.synthetic.images.flatten(1) - means).square().mean()


QUICK = Method((Stage(Pixels),), {"reuse": 1, "learn": "images", "start": "real"})
MISSPELT = Method((Stage(Pixels),), {"colour": 1})
NO_TUPLE = Method(Stage(Pixels), {})  # type: ignore[arg-type]
NOTHING = 3
WRONG = Method((Stage(int),), {})  # type: ignore[arg-type]
