"""An objective for a learner that trains no network: its differentiable stand-in."""

from __future__ import annotations

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
        answers = self.surrogate.answers(self.synthetic.pixels(), self.synthetic.scores(), real)
        return outer_cross_entropy(self.synthetic.logits(answers, self.number), labels)
