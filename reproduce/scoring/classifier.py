"""A scikit-learn estimator, on pixels or on frozen features, as a learner."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.images import expand
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.support.constants import OnRecord
from reproduce.support.progress import Progress, silent

if TYPE_CHECKING:
    from reproduce.transfer.autoencoder import Autoencoder
    from reproduce.transfer.backbones import Backbone

    Embedding = Backbone | Autoencoder

BYTE, DIVISOR = 255, 256  # pixels in 0..1 become bytes, and these the essay's pixels
ON_RECORD = OnRecord(__name__, {"BYTE": 255, "DIVISOR": 256})


@dataclass(frozen=True)
class Classifier(Learner):
    """A scikit-learn estimator on pixels as the essay has them, or on features.

    Attributes
    ----------
    make : callable
        Takes the replicate seed and returns an unfitted estimator.
    embedding : Backbone, Autoencoder or None
        Makes features of images; None is byte / 256, flattened.
    shifts : int
        Train on every displacement of up to this many pixels, too.
    """

    make: Callable[[int], Any]
    embedding: Embedding | None = None
    shifts: int = 0

    @property
    def random(self) -> bool:
        """An estimator is random where its parameters differ from seed to seed."""
        return settings_of(self.make(0)) != settings_of(self.make(1))

    @property
    def gives_probabilities(self) -> bool:
        """An estimator gives probabilities where it has `predict_proba`."""
        return hasattr(self.make(0), "predict_proba")

    @property
    def uses_torch(self) -> bool:
        """An estimator of scikit-learn's own on pixels does without."""
        own = type(self.make(0)).__module__.startswith("sklearn.")
        return self.embedding is not None or not own

    def key(self) -> str:
        """The estimator's class and parameters, read from it, and what it is trained on."""
        features = f" on {self.embedding.key()}" if self.embedding else ""
        shifts = f" shifts {self.shifts}" if self.shifts else ""
        return settings_of(self.make(0)) + features + shifts

    def changed_constants(self) -> Iterator[str]:
        """The constants of the essay's pixels, where these are what the estimator is trained on."""
        if not self.embedding:
            yield ON_RECORD.changes()

    def prepare(
        self, candidate: Candidate, images: np.ndarray, progress: Progress = silent
    ) -> None:
        """Compute the features of the images and of the candidate, which are kept on disk."""
        if self.embedding:
            self.embedding(images, progress)
            self.embedding(self._training_set(candidate)[0], progress)

    def largest_stack(self, candidate: Candidate, memory: float, most: int) -> int:
        """One: estimators share no work."""
        return 1

    def predict(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """As `Learner.predict`; estimators are fitted on the CPU, without checkpoints."""
        seen = self.embed(images)  # (N, F)
        return np.stack([self.fitted(r.candidate, r.seed).predict(seen) for r in replicates])

    def probabilities(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """As `Learner.probabilities`; 0 for a class that the candidate lacks."""
        seen = self.embed(images)  # (N, F)
        answer = np.zeros((len(replicates), len(seen), replicates[0].candidate.classes))
        for row, replicate in zip(answer, replicates, strict=True):
            estimator = self.fitted(replicate.candidate, replicate.seed)
            # Scikit-learn has columns only for the classes that it met, listed in `classes_`.
            row[:, estimator.classes_] = estimator.predict_proba(seen)
        return answer

    def fitted(self, candidate: Candidate, seed: int) -> Any:
        """The estimator, trained on the candidate's images and hard labels.

        Raises
        ------
        UserError
            Where this kind of estimator cannot learn from the set, as from a single class.
        """
        from sklearn.exceptions import ConvergenceWarning

        images, labels = self._training_set(candidate)
        estimator = self.make(seed)
        with warnings.catch_warnings():
            # The essay's MLP stops at scikit-learn's 200 iterations; that is part of its setting.
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                return estimator.fit(self.embed(images), labels)
            except ValueError as error:
                raise UserError(
                    f"{settings_of(estimator)} cannot learn from this set: {error}"
                ) from None

    def embed(self, images: np.ndarray) -> np.ndarray:
        """What the estimator sees of images (n, 1, H, W): (n, F), float32."""
        return self.embedding(images) if self.embedding else essay_pixels(images)

    def _training_set(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        return expand.shift(candidate.images, candidate.hard_labels(), self.shifts)


def essay_pixels(images: np.ndarray) -> np.ndarray:
    """Flattened byte / 256, exact for images that come from bytes, of shape (n, H W)."""
    pixels = images.reshape(len(images), -1)
    return (pixels * np.float32(BYTE) / np.float32(DIVISOR)).astype(np.float32, copy=False)


def settings_of(estimator: Any) -> str:
    """A scikit-learn estimator's class and its parameters that are not at their defaults."""
    known = inspect.signature(type(estimator)).parameters
    changed = [
        f"{name}={_shown(value)}"
        for name, value in sorted(estimator.get_params(deep=False).items())
        if not _same(value, known[name].default)
    ]
    return f"{type(estimator).__name__}({', '.join(changed)})"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_shown, value))})"
    return settings_of(value) if hasattr(value, "get_params") else repr(value)


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)
