"""What is learned: images, labels, positive learning rates, and a temperature."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distill import validation
from reproduce.candidate import Candidate
from reproduce.data import Dataset, check_fits
from reproduce.errors import UserError
from reproduce.recipe import Recipe

START_LOGIT = 4.0  # soft labels start at about 0.86 for the true class among ten
START_TEMPERATURE = 10.0  # scores of 0.9 and -0.1 become probabilities of about 1


class SyntheticSet(nn.Module):
    """A learnable tiny training set, for one recipe.

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
        Scores times exp(this) are logits of the outer loss; part of no recipe. Not learned with
        labels that are probabilities.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, recipe: Recipe, learn: str = "both"
    ) -> None:
        """Start from `images` (n, 1, H, W) and probabilities or scores `labels` (n, C)."""
        super().__init__()
        hard = learn == "images"
        scores = recipe.loss == "mse"
        self.scale = "class" if hard else "score" if scores else "probability"
        self.recipe = recipe
        self.images = nn.Parameter(torch.tensor(images), requires_grad=learn != "labels")
        raw = torch.tensor(labels)
        if not hard and not scores:
            raw = raw.clamp_min(1e-6).log()
        self.raw_labels = nn.Parameter(raw, requires_grad=not hard)
        rates = torch.tensor(recipe.learning_rates, dtype=torch.float32)
        self.log_rates = nn.Parameter(rates.log())
        warmth = torch.tensor(math.log(START_TEMPERATURE), dtype=torch.float32)
        self.log_temperature = nn.Parameter(warmth, requires_grad=scores)

    def learned(self) -> list[nn.Parameter]:
        """The parameters that gradients move."""
        return [p for p in self.parameters() if p.requires_grad and p.numel()]

    def inputs(self) -> Tensor:
        """The images (n, 1, H, W) as networks see them."""
        return (self.images - self.recipe.mean) / self.recipe.std

    def labels(self) -> Tensor:
        """What networks are to answer (n, C): scores, or probabilities that sum to 1."""
        return self.raw_labels.softmax(-1) if self.scale == "probability" else self.raw_labels

    def rates(self) -> Tensor:
        """Listed learning rates (T,), positive."""
        return self.log_rates.exp()

    def scores(self) -> Tensor:
        """The labels (n, C) as scores, as regression wants them: centred where they are not."""
        labels = self.labels()
        return labels if self.recipe.loss == "mse" else labels - 1 / labels.shape[1]

    def logits(self, scores: Tensor) -> Tensor:
        """Logits of scores: times the temperature."""
        return scores * self.log_temperature.exp()

    @torch.no_grad()
    def approach(self, other: SyntheticSet, part: float) -> None:
        """Move all parameters a part, 0 to 1, of the way to those of another set."""
        for mine, theirs in zip(self.parameters(), other.parameters(), strict=True):
            mine.lerp_(theirs, part)

    @torch.no_grad()
    def candidate(
        self, data: Dataset, name: str, method: str, seed: int, widen: int = 1
    ) -> Candidate:
        """The set as it stands, with the recipe that it was distilled for, `widen` times wider."""
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
    """The recipe with networks so many times wider; UserError where they become too wide."""
    if recipe.widths:
        return replace(recipe, widths=tuple(widen * width for width in recipe.widths))
    return replace(recipe, width=widen * recipe.width)


def start(
    data: Dataset, ipc: int, kind: str, seed: int, recipe: Recipe
) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 1, H, W) and labels (n, C) to start from, as `SyntheticSet` takes them.

    Parameters
    ----------
    kind : str
        One of `config.STARTS`, or the path of a candidate file.

    Raises
    ------
    UserError
        When the file is no candidate, of other data, or of another size.
    """
    classes = len(data.classes)
    scores = recipe.loss == "mse"
    if Path(kind).is_file():
        candidate = Candidate.load(kind)
        check_fits(candidate, data)
        if len(candidate) != ipc * classes:
            raise UserError(f"{kind} holds {len(candidate)} images, not {ipc} of each class")
        return candidate.images, candidate.scores() if scores else candidate.targets()
    images, hard = start_images(data, ipc, kind, seed)
    one_hot = np.eye(classes, dtype=np.float32)[hard]
    if scores:
        return images, one_hot - np.float32(1 / classes)
    return images, F.softmax(torch.tensor(START_LOGIT * one_hot), -1).numpy()


def start_images(data: Dataset, ipc: int, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 1, H, W) and labels (n,) to start from, class by class.

    `real` are random training images; `mean` the means of `ipc` random parts of each class;
    `kmeans` the centres of `ipc` clusters of each class; `noise` is uniform in 0..1.
    """
    rng = np.random.default_rng(seed)
    train = data.train
    if kind != "noise":
        _check_different(data, ipc)
    shape = train.images.shape[1:]
    images = []
    for label in range(len(data.classes)):
        members = rng.permutation(np.flatnonzero(train.labels == label))
        if kind == "real":
            images.append(train.images[members[:ipc]])
        elif kind == "mean":
            parts = np.array_split(members, ipc)
            images.append(np.stack([train.images[part].mean(0) for part in parts]))
        elif kind == "kmeans":
            images.append(centres(train.images[members], ipc, seed).reshape(ipc, *shape))
        else:
            images.append(rng.random((ipc, *shape), dtype=np.float32))
    return np.concatenate(images), np.arange(len(data.classes)).repeat(ipc)


def _check_different(data: Dataset, ipc: int) -> None:
    """Raise UserError where a class has not `ipc` different images in the training split."""
    for label, name in enumerate(data.classes):
        found: set[bytes] = set()
        for place in np.flatnonzero(data.train.labels == label):
            found.add(data.train.images[place].tobytes())
            if len(found) == ipc:
                break
        else:
            raise UserError(
                f"class {name!r} has {len(found)} different images in training, not {ipc}; "
                "lower --ipc, or use --start noise"
            )


def centres(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Centres (count, H * W) of k-means clusters of images (N, 1, H, W)."""
    from sklearn.cluster import KMeans

    flat = images.reshape(len(images), -1)
    found: np.ndarray = KMeans(count, n_init=1, random_state=seed).fit(flat).cluster_centers_
    return found.clip(0, 1).astype(np.float32)
