"""The synthetic set, which is what is learned: images, labels, learning rates, temperatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distill import validation
from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.recipe import Recipe


class SyntheticSet(nn.Module):
    """A tiny training set whose parts are learned.

    Parameters
    ----------
    images : ndarray of shape (n, 1, H, W)
        Pixel space.
    labels : ndarray of shape (n, C)
        In the scale.
    scale : str
        As a candidate's `label_scale`: `class` for one-hot rows, which stay as they are;
        `probability`; or `score`.
    learn : str
        `both`, `images` or `labels`.
    rates : sequence of T floats
        Learning rates to learn, one for each step; empty where the recipe has a schedule.
    temperatures : sequence of M floats
        One for each learner of the panel, to begin with.
    faint : float
        Pixels below this are shown as 0.
    blur : float
        Standard deviation, in pixels, of a Gaussian that blurs the gradient of images.

    Attributes
    ----------
    images : Parameter of shape (n, 1, H, W)
    raw_labels : Parameter of shape (n, C)
        One-hot rows, scores, or labels before the softmax.
    log_rates : Parameter of shape (T,)
        Logarithms of the learning rates, so that they stay positive.
    log_temperatures : Parameter of shape (M,)
        Scores times exp(this) are logits of the outer loss. The set has no part of them.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        scale: str,
        learn: str = "both",
        rates: Sequence[float] = (),
        temperatures: Sequence[float] = (10.0,),
        faint: float = 0.0,
        blur: float = 0.0,
    ) -> None:
        super().__init__()
        self.scale, self.faint = scale, faint
        self.images = nn.Parameter(torch.tensor(images), requires_grad=learn != "labels")
        if blur and learn != "labels":
            self.images.register_hook(partial(blurred, pixels=blur))
        raw = torch.tensor(labels)
        if scale == "probability":
            raw = raw.clamp_min(1e-6).log()
        self.raw_labels = nn.Parameter(raw, requires_grad=learn != "images")
        self.log_rates = nn.Parameter(torch.tensor(rates, dtype=torch.float32).log())
        self.log_temperatures = nn.Parameter(torch.tensor(temperatures, dtype=torch.float32).log())

    def learned(self) -> list[nn.Parameter]:
        """The parameters that gradients move."""
        return [p for p in self.parameters() if p.requires_grad and p.numel()]

    def groups(self) -> list[dict[str, Any]]:
        """The same for an optimiser: what the set has, then the temperatures, which it has not."""
        own = [p for p in self.learned() if p is not self.log_temperatures]
        return [{"params": own}, {"params": [self.log_temperatures]}]

    def pixels(self) -> Tensor:
        """The images (n, 1, H, W) as they are shown, without faint pixels.

        Gradients pass to a faint pixel as if it were shown (Bengio et al. 2013, straight-through).
        """
        if not self.faint:
            return self.images
        return self.images + (self.shown() - self.images).detach()

    @torch.no_grad()
    def shown(self) -> Tensor:
        """The images (n, 1, H, W) of the finished set."""
        return torch.where(self.images < self.faint, 0, self.images) if self.faint else self.images

    def labels(self) -> Tensor:
        """The labels (n, C) in their scale: one-hot, probabilities that sum to 1, or scores."""
        return self.raw_labels.softmax(-1) if self.scale == "probability" else self.raw_labels

    def scores(self) -> Tensor:
        """The labels (n, C) as centred scores, which regression needs."""
        labels = self.labels()
        return labels if self.scale == "score" else labels - 1 / labels.shape[1]

    def targets(self, recipe: Recipe) -> Tensor:
        """The labels (n, C) as the recipe's loss takes them: scores, or probabilities."""
        return self.scores() if recipe.loss == "mse" else self.labels()

    def rates(self) -> Tensor:
        """Listed learning rates (T,), positive."""
        return self.log_rates.exp()

    def logits(self, scores: Tensor, member: int) -> Tensor:
        """Logits of a learner's scores: scores times its temperature."""
        return scores * self.log_temperatures[member].exp()

    @torch.no_grad()
    def approach(self, other: SyntheticSet, part: float) -> None:
        """Move all parameters part of the way, 0 to 1, to those of another set."""
        for mine, theirs in zip(self.parameters(), other.parameters(), strict=True):
            mine.lerp_(theirs, part)

    @torch.no_grad()
    def bound(self) -> None:
        """Bring pixels that left 0..1 back to its ends."""
        self.images.clamp_(0, 1)

    @torch.no_grad()
    def candidate(
        self, data: Dataset, name: str, method: str, seed: int, recipe: Recipe | None
    ) -> Candidate:
        """The set as it is now, with the recipe that it carries."""
        labels = self.labels().cpu().numpy()
        if recipe is not None and len(self.log_rates):
            rates = tuple(max(float(rate), 1e-30) for rate in self.rates())
            recipe = replace(recipe, learning_rates=rates)
        return Candidate(
            images=self.shown().cpu().numpy(),
            labels=labels.argmax(1) if self.scale == "class" else labels,
            label_scale=self.scale,
            name=name,
            method=method,
            dataset=data.name,
            checksum=data.checksum,
            classes=len(data.classes),
            role="distilled",
            chosen_on=validation.CHOOSING,
            recipe=recipe,
            seeds=(seed,),
            **data.opening(),
        )


def blurred(images: Tensor, pixels: float) -> Tensor:
    """Images (n, 1, H, W) blurred by a Gaussian with this standard deviation, 0 beyond the edges.

    A descent along blurred gradients is one in a Sobolev space (Neuberger 1997): it moves what
    neighbouring pixels share first.
    """
    reach = math.ceil(3 * pixels)
    weights = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    weights = (-(weights / pixels).square() / 2).exp()
    weights = weights / weights.sum()
    across = F.conv2d(images, weights[None, None, None], padding="same")
    return F.conv2d(across, weights[None, None, :, None], padding="same")
