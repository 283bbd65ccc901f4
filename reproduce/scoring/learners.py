"""What every learner can do, and a replicate: one learner, one candidate, one seed.

A protocol's name stands for a `Learner`. Each kind has a file of its own here: `network`,
`classifier`, `mixture`, `kernel` and `ridge_proxy`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.errors import UserError
from reproduce.records import Record
from reproduce.scoring.fidelity import Fidelity
from reproduce.support import keys
from reproduce.support.progress import Progress, silent


@dataclass(frozen=True)
class Replicate:
    """One learner that learns one candidate from one seed.

    Attributes
    ----------
    candidate : Candidate
    learner : Learner
    seed : int
    question : dict
        The fields of its record that are known before it is computed.
    own_images : ndarray of int64
        Positions among the scored images of those that the candidate holds itself: they do not
        judge it.
    """

    candidate: Candidate
    learner: Learner
    seed: int
    question: Record = field(default_factory=dict)
    own_images: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class Where:
    """Where replicates are computed.

    Attributes
    ----------
    device : str
        On which networks are trained.
    checkpoint : Path or None
        File in which a long training keeps its state.
    """

    device: str = "cpu"
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a replicate.

    Attributes
    ----------
    accuracy : float
        Percent.
    class_errors : tuple of C floats
        For each class the percentage of all scored images that are of it, or taken for it, in
        error: they sum to twice the errors. Empty where only an accuracy is known.
    """

    accuracy: float
    class_errors: tuple[float, ...] = ()


class Learner(ABC):
    """Learns from candidates, then classifies images.

    Methods that compute take K replicates at once, whose candidates have equal sizes. They heed
    the candidates and the seeds; whichever learner is called does the work.
    """

    @property
    def random(self) -> bool:
        """Whether the seed changes anything; a learner without randomness is scored once."""
        return True

    @property
    def gives_probabilities(self) -> bool:
        """Whether it has `probabilities`, so that a mixture can average them."""
        return False

    @property
    def trains_networks(self) -> bool:
        """Whether it trains networks, for some number of epochs."""
        return False

    @property
    def shares_kernel(self) -> bool:
        """Whether replicates of one seed share most of the work, so that large stacks are best."""
        return False

    @property
    def uses_torch(self) -> bool:
        """Whether it computes with PyTorch, on the oracle's device; otherwise on the CPU alone."""
        return True

    @property
    def threads(self) -> float:
        """So many threads of one process compute it as fast as processes do; 1: none but one."""
        return 1

    @abstractmethod
    def key(self) -> str:
        """What identifies the learner: equal learners have equal keys."""

    def changed_constants(self) -> Iterator[str]:
        """Constants outside of the key that differ from their values on record, as JSON or ''."""
        return iter(())

    def fingerprint(self) -> str:
        """The `plan` of a record: eight digits that change with the key and with constants."""
        changed = [constants for constants in self.changed_constants() if constants]
        return keys.key("learner/1", self.key(), *dict.fromkeys(changed))[:8]

    def reduced(self, fidelity: Fidelity) -> Learner:
        """The same learner, whose networks are no more than the fidelity says."""
        return self

    def prepare(
        self, candidate: Candidate, images: np.ndarray, progress: Progress = silent
    ) -> None:
        """Leave on disk what several processes would otherwise compute, each for itself."""
        return

    @abstractmethod
    def largest_stack(self, candidate: Candidate, memory: float, most: int) -> int:
        """How many replicates may be computed together, at least 1.

        Parameters
        ----------
        candidate : Candidate
            One of them; all have its size.
        memory : float
            Bytes that they may take together. One alone may take more.
        most : int
            Networks that are trained side by side at most.
        """

    def predict(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """Predicted classes (K, N), int64, of images (N, 1, H, W)."""
        return self.probabilities(replicates, images, where).argmax(-1)

    def probabilities(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """Class probabilities (K, N, C) of images (N, 1, H, W).

        Raises
        ------
        UserError
            Where the learner gives none (`gives_probabilities`).
        """
        raise UserError(f"{self.key()} gives no class probabilities; use another protocol")

    def score(
        self, replicates: Sequence[Replicate], scored: ImageSet, where: Where
    ) -> list[Answer]:
        """What came of each replicate on the scored images, but for its own ones."""
        guesses = self.predict(replicates, scored.images, where)  # (K, N)
        return [
            judged(
                np.delete(row, replicate.own_images),
                np.delete(scored.labels, replicate.own_images),
                replicate.candidate.classes,
            )
            for row, replicate in zip(guesses, replicates, strict=True)
        ]


def judged(guesses: np.ndarray, labels: np.ndarray, classes: int) -> Answer:
    """Accuracy and errors by class of guesses (N,), of so many classes."""
    wrong = guesses != labels
    count = np.bincount(labels[wrong], minlength=classes)
    count += np.bincount(guesses[wrong], minlength=classes)
    each = np.round(100 * count / len(labels), 3)
    return Answer(100 * float((~wrong).mean()), tuple(each.tolist()))
