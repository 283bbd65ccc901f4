"""The synthetic set, which is what is learned: images, labels, learning rates, temperature."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from distill import validation
from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.recipe import Recipe

START_TEMPERATURE = 10.0  # scores of 0.9 and -0.1 become probabilities of about 1


class SyntheticSet(nn.Module):
    """A tiny training set whose parts are learned, for one recipe.

    Attributes
    ----------
    scale : str
        `class`: hard labels; `score` where the recipe's loss is squared error; `probability`.
    images : Parameter of shape (n, 1, H, W)
        Pixel space.
    raw_labels : Parameter of shape (n, C)
        Scores, or labels before the softmax.
    log_rates : Parameter of shape (T,)
        Logarithms of the recipe's listed learning rates, so that they stay positive; else empty.
    log_temperature : Parameter, scalar
        Scores times exp(this) are logits of the outer loss. The recipe has no part of it, and it
        is not learned with labels that are probabilities.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, recipe: Recipe, learn: str = "both"
    ) -> None:
        """Start from `images` (n, 1, H, W) and probabilities or scores `labels` (n, C)."""
        super().__init__()
        hard, scores = learn == "images", recipe.loss == "mse"
        self.scale = "class" if hard else "score" if scores else "probability"
        self.recipe = recipe
        self.images = nn.Parameter(torch.tensor(images), requires_grad=learn != "labels")
        raw = torch.tensor(labels)
        if not hard and not scores:
            raw = raw.clamp_min(1e-6).log()
        self.raw_labels = nn.Parameter(raw, requires_grad=not hard)
        rates = torch.tensor(recipe.learning_rates, dtype=torch.float32)
        self.log_rates = nn.Parameter(rates.log())
        log_temperature = torch.tensor(math.log(START_TEMPERATURE), dtype=torch.float32)
        self.log_temperature = nn.Parameter(log_temperature, requires_grad=scores)

    def learned(self) -> list[nn.Parameter]:
        """The parameters that gradients move."""
        return [p for p in self.parameters() if p.requires_grad and p.numel()]

    def inputs(self) -> Tensor:
        """The images (n, 1, H, W) as networks see them."""
        return (self.images - self.recipe.mean) / self.recipe.std

    def labels(self) -> Tensor:
        """The labels (n, C) that networks learn: scores, or probabilities that sum to 1."""
        return self.raw_labels.softmax(-1) if self.scale == "probability" else self.raw_labels

    def rates(self) -> Tensor:
        """Listed learning rates (T,), positive."""
        return self.log_rates.exp()

    def scores(self) -> Tensor:
        """The labels (n, C) as centred scores, which regression needs."""
        labels = self.labels()
        return labels if self.recipe.loss == "mse" else labels - 1 / labels.shape[1]

    def logits(self, scores: Tensor) -> Tensor:
        """Logits of scores: scores times the temperature."""
        return scores * self.log_temperature.exp()

    @torch.no_grad()
    def approach(self, other: SyntheticSet, part: float) -> None:
        """Move all parameters part of the way, 0 to 1, to those of another set."""
        for mine, theirs in zip(self.parameters(), other.parameters(), strict=True):
            mine.lerp_(theirs, part)

    @torch.no_grad()
    def candidate(
        self, data: Dataset, name: str, method: str, seed: int, widen: int = 1
    ) -> Candidate:
        """The set as it is now, with its recipe, whose networks become `widen` times wider."""
        labels = self.labels().cpu().numpy()
        rates = tuple(max(float(rate), 1e-30) for rate in self.rates())
        return Candidate(
            images=self.images.cpu().numpy(),
            labels=labels.argmax(1) if self.scale == "class" else labels,
            label_scale=self.scale,
            name=name,
            method=method,
            dataset=data.name,
            checksum=data.checksum,
            classes=len(data.classes),
            role="distilled",
            chosen_on=validation.CHOOSING,
            recipe=replace(widened(self.recipe, widen), learning_rates=rates),
            seeds=(seed,),
            **data.opening(),
        )


def widened(recipe: Recipe, widen: int) -> Recipe:
    """The recipe with networks `widen` times wider; UserError where they become too wide."""
    if recipe.widths:
        return replace(recipe, widths=tuple(widen * width for width in recipe.widths))
    return replace(recipe, width=widen * recipe.width)
