"""An objective for a learner that trains no network: its differentiable stand-in."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from distill.objectives.base import Objective, outer_cross_entropy


class SurrogateObjective(Objective):
    """Cross-entropy, on real images, of what the learner's surrogate answers."""

    def prepare(self) -> None:
        """Find the surrogate."""
        from distill.surrogates import surrogate  # loads scikit-learn, which takes seconds

        found = surrogate(self.member.learner)
        assert found is not None  # `panel.members` refuses learners without
        self.surrogate = found

    def loss(self) -> Tensor:
        real, labels = (part.flatten(0, 1) for part in self.real)
        rng = np.random.default_rng([self.config.seed, self.turn, 14, self.rank])
        given = self.synthetic.pixels(), self.synthetic.scores(), real
        answers = self.surrogate.answers(*given, seed=int(rng.integers(2**62)))
        return outer_cross_entropy(self.synthetic.logits(answers, self.number), labels)
