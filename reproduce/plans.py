"""What a protocol answers with, beside a `Recipe`: a classifier, a mixture, or a ridge proxy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reproduce import expand
from reproduce.autoencoder import Autoencoder
from reproduce.backbones import Backbone
from reproduce.features import Ridge
from reproduce.recipe import Recipe

Embedding = Backbone | Autoencoder


@dataclass(frozen=True)
class Classifier:
    """A scikit-learn estimator on pixels as the essay has them, or on features.

    Attributes
    ----------
    make : callable
        Takes the replicate seed and returns an unfitted estimator.
    settings : str
        The settings in words, part of each record.
    random : bool
        False where the seed changes nothing: such a protocol is scored once.
    embedding : Backbone, Autoencoder or None
        Makes features of images; None is byte / 256, flattened.
    shifts : int
        Train on every displacement of up to this many pixels, too.
    """

    make: Callable[[int], Any]
    settings: str
    random: bool = False
    embedding: Embedding | None = None
    shifts: int = 0

    def key(self) -> str:
        """What identifies the plan."""
        features = f" on {self.embedding.key()}" if self.embedding else ""
        return self.settings + features + (f" shifts {self.shifts}" if self.shifts else "")

    def fitted(self, images: np.ndarray, targets: np.ndarray, seed: int) -> Any:
        """The estimator, trained on images (n, 1, H, W) and targets (n, C), as hard labels."""
        from sklearn.exceptions import ConvergenceWarning

        images, labels = expand.shift(images, targets.argmax(1), self.shifts)
        estimator = self.make(seed)
        with warnings.catch_warnings():
            # The essay's MLP stops at scikit-learn's 200 iterations; that is part of its setting.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return estimator.fit(self.embed(images), labels)

    def embed(self, images: np.ndarray) -> np.ndarray:
        """What the estimator sees of images (n, 1, H, W): (n, F), float32."""
        return self.embedding(images) if self.embedding else essay_pixels(images)


@dataclass(frozen=True)
class Mixture:
    """Plans whose class probabilities are averaged.

    Attributes
    ----------
    members : tuple of Recipe and Classifier
        A classifier here needs `predict_proba`.
    """

    members: tuple[Recipe | Classifier, ...]

    def key(self) -> str:
        """What identifies the plan."""
        return " + ".join(member.key() for member in self.members)


Plan = Recipe | Classifier | Mixture | Ridge


def is_random(plan: Plan) -> bool:
    """False where the seed changes nothing."""
    return plan.random if isinstance(plan, Classifier) else True


def essay_pixels(images: np.ndarray) -> np.ndarray:
    """Flattened byte / 256, exact for images that come from bytes, of shape (n, H W)."""
    return (images.reshape(len(images), -1) * np.float32(255) / np.float32(256)).astype(np.float32)
