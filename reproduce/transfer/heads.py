"""Classifiers on frozen features: the essay's, and better ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn


class TorchHead(ClassifierMixin, BaseEstimator):
    """A linear layer in PyTorch, regularised by dropout on its inputs and by weight decay.

    Full-batch AdamW on the cross-entropy of standardised features, from a seeded start. No
    parameter has a default, so that a plan's key, which leaves defaults out, tells them all.

    Parameters
    ----------
    seed : int
    steps : int
    drop : float
        Share of the inputs that are dropped at each step, 0 to below 1.
    decay, rate : float
        AdamW's weight decay and learning rate.
    start : float
        Standard deviation of the weights before training.
    """

    def __init__(
        self, seed: int, steps: int, drop: float, decay: float, rate: float, start: float
    ) -> None:
        self.seed, self.steps, self.drop = seed, steps, drop
        self.decay, self.rate, self.start = decay, rate, start

    def fit(self, x: np.ndarray, y: np.ndarray) -> TorchHead:
        """Train on features (n, F) and labels (n,)."""
        self.classes_, targets = np.unique(y, return_inverse=True)
        self.mean_, self.scale_ = x.mean(0), x.std(0) + 1e-6
        generator = torch.Generator().manual_seed(self.seed)
        inputs, labels = self._standard(x), torch.from_numpy(targets)
        self.layer_ = nn.Linear(x.shape[1], len(self.classes_), dtype=torch.float32)
        with torch.no_grad():
            self.layer_.weight.normal_(0, self.start, generator=generator)
            self.layer_.bias.zero_()
        optimiser = torch.optim.AdamW(
            self.layer_.parameters(), lr=self.rate, weight_decay=self.decay
        )
        for _ in range(self.steps):
            drawn = torch.rand(inputs.shape, generator=generator, dtype=inputs.dtype)
            keep = drawn >= self.drop
            optimiser.zero_grad()
            logits = self.layer_(inputs * keep / (1 - self.drop))
            F.cross_entropy(logits, labels).backward()
            optimiser.step()
        return self

    @torch.no_grad()
    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Class probabilities (n, C)."""
        answer: np.ndarray = self.layer_(self._standard(x)).softmax(1).numpy()
        return answer

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Labels (n,)."""
        answer: np.ndarray = self.classes_[self.predict_proba(x).argmax(1)]
        return answer

    def _standard(self, x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((x - self.mean_) / self.scale_).astype(np.float32))


def _essay(seed: int) -> Any:
    return MLPClassifier(alpha=1.0, hidden_layer_sizes=(300,), max_iter=500, random_state=seed)


def _linear_svm(seed: int) -> Any:
    return make_pipeline(StandardScaler(), SVC(kernel="linear", C=1.0))


def _logistic(seed: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))


def _nearest(seed: int) -> Any:
    return KNeighborsClassifier(1, metric="cosine")


def _torch(seed: int) -> Any:
    return TorchHead(seed, steps=300, drop=0.5, decay=0.1, rate=0.01, start=0.01)


# Each takes the replicate seed.
HEADS: dict[str, Callable[[int], Any]] = {
    "mlp": _essay,
    "linear-svm": _linear_svm,
    "logistic": _logistic,
    "nearest": _nearest,
    "torch": _torch,
}
