"""What is learned: images, soft labels and one positive learning rate per inner step."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.recipe import Recipe

START_LOGIT = 4.0  # soft labels start at about 0.86 for the true class among ten


class SyntheticSet(nn.Module):
    """A learnable tiny training set.

    Attributes
    ----------
    images : Parameter of shape (n, 1, H, W)
        Pixel space.
    logits : Parameter of shape (n, C)
        Labels before the softmax.
    log_rates : Parameter of shape (T,)
        Logarithms of the inner learning rates, so that the rates stay positive.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, classes: int, steps: int, lr: float):
        super().__init__()
        self.images = nn.Parameter(torch.tensor(images, dtype=torch.float32))
        one_hot = F.one_hot(torch.tensor(labels), classes).float()
        self.logits = nn.Parameter(START_LOGIT * one_hot)
        self.log_rates = nn.Parameter(torch.full((steps,), math.log(lr)))

    def labels(self) -> Tensor:
        """Soft labels (n, C), rows that sum to 1."""
        return self.logits.softmax(-1)

    def rates(self) -> Tensor:
        """Inner learning rates (T,), positive."""
        return self.log_rates.exp()

    @torch.no_grad()
    def candidate(self, data: Dataset, recipe: Recipe, name: str, seed: int) -> Candidate:
        """The set as it stands, with the recipe that it was distilled through."""
        rates = tuple(float(rate) for rate in self.rates())
        size = len(self.images)  # all of it is one batch
        own = replace(recipe, learning_rates=rates, schedule="list", batch=size)
        return Candidate(
            images=self.images.numpy(),
            labels=self.labels().numpy(),
            label_scale="probability",
            name=name,
            method="distill unroll",
            dataset=data.name,
            checksum=data.checksum,
            classes=len(data.classes),
            recipe=own,
            seeds=(seed,),
        )


def start_images(data: Dataset, ipc: int, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 1, H, W) and labels (n,) to start from, class by class.

    `real` are random training images; `mean` the means of `ipc` random tenths of each class;
    `noise` is uniform in 0..1.
    """
    rng = np.random.default_rng(seed)
    train = data.train
    images = []
    for label in range(len(data.classes)):
        members = rng.permutation(np.flatnonzero(train.labels == label))
        if kind == "real":
            images.append(train.images[members[:ipc]])
        elif kind == "mean":
            parts = np.array_split(members, max(ipc, 10))[:ipc]
            images.append(np.stack([train.images[part].mean(0) for part in parts]))
        else:
            images.append(rng.random((ipc, *train.images.shape[1:]), dtype=np.float32))
    return np.concatenate(images), np.arange(len(data.classes)).repeat(ipc)
