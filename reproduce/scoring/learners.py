"""What a protocol answers with, beside a `Recipe`: a classifier, a mixture, or a ridge proxy."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np

from reproduce.errors import UserError
from reproduce.images import augment, deskew, distort, expand
from reproduce.recipe import Recipe
from reproduce.scoring.ridge_proxy import Ridge
from reproduce.support.constants import OnRecord
from reproduce.transfer.autoencoder import Autoencoder
from reproduce.transfer.backbones import Backbone

Embedding = Backbone | Autoencoder
BYTE, DIVISOR = 255, 256  # pixels in 0..1 become bytes, and these the essay's pixels
ON_RECORD = OnRecord(__name__, {"BYTE": 255, "DIVISOR": 256})


@dataclass(frozen=True)
class Classifier:
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

    def key(self) -> str:
        """What identifies the plan: it is told by the estimator itself, so it cannot lie."""
        features = f" on {self.embedding.key()}" if self.embedding else ""
        return (
            described(self.make(0)) + features + (f" shifts {self.shifts}" if self.shifts else "")
        )

    @property
    def random(self) -> bool:
        """False where the seed changes nothing: such a protocol is scored once."""
        return described(self.make(0)) != described(self.make(1))

    def fitted(self, images: np.ndarray, targets: np.ndarray, seed: int) -> Any:
        """The estimator, trained on images (n, 1, H, W) and targets (n, C), as hard labels.

        Raises
        ------
        UserError
            Where this kind of estimator cannot learn from the set, as from a single class.
        """
        from sklearn.exceptions import ConvergenceWarning

        images, labels = expand.shift(images, targets.argmax(1), self.shifts)
        estimator = self.make(seed)
        with warnings.catch_warnings():
            # The essay's MLP stops at scikit-learn's 200 iterations; that is part of its setting.
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                return estimator.fit(self.embed(images), labels)
            except ValueError as error:
                raise UserError(
                    f"{described(estimator)} cannot learn from this set: {error}"
                ) from None

    def embed(self, images: np.ndarray) -> np.ndarray:
        """What the estimator sees of images (n, 1, H, W): (n, F), float32."""
        return self.embedding(images) if self.embedding else essay_pixels(images)


def class_probabilities(estimator: Any, seen: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities of all classes; 0 for a class that the training set lacks.

    Scikit-learn has columns only for the classes that it met, listed in `classes_`.

    Parameters
    ----------
    estimator : object
        Fitted, with `predict_proba` and `classes_`.
    seen : ndarray of shape (N, F)
    classes : int

    Returns
    -------
    ndarray of shape (N, classes), float64
    """
    answer = np.zeros((len(seen), classes))
    answer[:, estimator.classes_] = estimator.predict_proba(seen)
    return answer


@dataclass(frozen=True)
class Mixture:
    """Plans whose class probabilities are averaged.

    Attributes
    ----------
    members : tuple of Recipe and Classifier
        Each gives probabilities: a network is trained on cross-entropy, a classifier has
        `predict_proba`. `protocols.plan` holds that.
    """

    members: tuple[Recipe | Classifier, ...]

    def key(self) -> str:
        """What identifies the plan."""
        return " + ".join(member.key() for member in self.members)


Plan = Recipe | Classifier | Mixture | Ridge


def is_random(plan: Plan) -> bool:
    """False where the seed changes nothing."""
    if isinstance(plan, Mixture):
        return any(is_random(member) for member in plan.members)
    return plan.random if isinstance(plan, Classifier) else True


def fingerprint(plan: Plan) -> str:
    """What a record says of a plan: eight digits that change with its key and its constants."""
    return str(joblib.hash(plan.key() + "".join(dict.fromkeys(_changed_constants(plan)))))[:8]


def _changed_constants(plan: Plan) -> Iterator[str]:
    """Constants outside the plan's key that are not at their values on record."""
    if isinstance(plan, Mixture):
        for member in plan.members:
            yield from _changed_constants(member)
    elif isinstance(plan, Classifier) and not plan.embedding:
        yield ON_RECORD.changes()
    elif isinstance(plan, Recipe):
        used = {"dc": augment.ON_RECORD, "distort": distort.ON_RECORD}.get(plan.augment)
        yield used.changes() if used else ""
        yield deskew.ON_RECORD.changes() if plan.deskew else ""


def described(estimator: Any) -> str:
    """A scikit-learn estimator's class and its parameters that are not at their defaults."""
    known = inspect.signature(type(estimator)).parameters
    changed = [
        f"{name}={_told(value)}"
        for name, value in sorted(estimator.get_params(deep=False).items())
        if not _same(value, known[name].default)
    ]
    return f"{type(estimator).__name__}({', '.join(changed)})"


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_told, value))})"
    return described(value) if hasattr(value, "get_params") else repr(value)


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def gives_probabilities(plan: Plan) -> bool:
    """Whether the plan answers with class probabilities, which a mixture can average."""
    if isinstance(plan, Classifier):
        return hasattr(plan.make(0), "predict_proba")
    return isinstance(plan, Recipe) and plan.loss == "cross-entropy"


def essay_pixels(images: np.ndarray) -> np.ndarray:
    """Flattened byte / 256, exact for images that come from bytes, of shape (n, H W)."""
    pixels = images.reshape(len(images), -1)
    return (pixels * np.float32(BYTE) / np.float32(DIVISOR)).astype(np.float32)
