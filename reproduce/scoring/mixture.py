"""Several learners whose probabilities are averaged, as one learner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reproduce.candidate import Candidate
from reproduce.scoring.fidelity import Fidelity
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.support.progress import Progress, silent


@dataclass(frozen=True)
class Mixture(Learner):
    """Learners whose class probabilities are averaged.

    Attributes
    ----------
    members : tuple of Learner
        Each gives probabilities; `protocols.learner` sees to it.
    """

    members: tuple[Learner, ...]

    @property
    def random(self) -> bool:
        """A mixture is random where a member is."""
        return any(member.random for member in self.members)

    @property
    def trains_networks(self) -> bool:
        """A mixture trains networks where a member does."""
        return any(member.trains_networks for member in self.members)

    @property
    def uses_torch(self) -> bool:
        """A mixture computes with PyTorch where a member does."""
        return any(member.uses_torch for member in self.members)

    @property
    def threads(self) -> float:
        """As many as every member allows."""
        return min(member.threads for member in self.members)

    def key(self) -> str:
        """The keys of the members."""
        return " + ".join(member.key() for member in self.members)

    def changed_constants(self) -> Iterator[str]:
        """The constants of the members."""
        for member in self.members:
            yield from member.changed_constants()

    def reduced(self, fidelity: Fidelity) -> Mixture:
        """A mixture of the reduced members."""
        return Mixture(tuple(member.reduced(fidelity) for member in self.members))

    def prepare(
        self, candidate: Candidate, images: np.ndarray, progress: Progress = silent
    ) -> None:
        """Prepare every member."""
        for member in self.members:
            member.prepare(candidate, images, progress)

    def largest_stack(self, candidate: Candidate, memory: float, most: int) -> int:
        """As many as the largest network allows."""
        networks = [member for member in self.members if member.trains_networks]
        sizes = [network.largest_stack(candidate, memory, most) for network in networks]
        return min(sizes, default=most)

    def probabilities(
        self, replicates: Sequence[Replicate], images: np.ndarray, where: Where
    ) -> np.ndarray:
        """As `Learner.probabilities`: the mean over the members, each with its own checkpoint."""
        path = where.checkpoint
        each = []
        for number, member in enumerate(self.members):
            part = path and path.with_stem(f"{path.stem}-{number}")
            each.append(member.probabilities(replicates, images, replace(where, checkpoint=part)))
        mean: np.ndarray = np.mean(each, axis=0)
        return mean
