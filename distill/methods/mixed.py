"""`mixed`: for each kind of network what it learns most by, so that one set teaches them all.

The essay's net is trained so briefly that its whole training matters, and that is compiled here: it
is unrolled. An MLP is unrolled through the first steps of its training. All other networks match
gradients: what is learned so for one of them teaches the others, too, while features of one network
(`krr`) teach that network alone.
"""

from __future__ import annotations

from distill.config import DistillConfig
from distill.methods import Method, Stage
from distill.methods.dc import GradientMatching
from distill.methods.unroll import Unroll
from distill.objectives.matching import SETTINGS
from distill.objectives.networks import learning_steps

BEGINNING = 200  # steps, a fifth of those of the field's evaluation


class Beginning(Unroll):
    """`unroll` through the first steps of fresh networks: `window` of them, or `BEGINNING`.

    Windows late in a training change a network little, so that they say little about which images
    teach it. Nor does its tangent kernel: a set can teach the kernel well and the network badly.
    """

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, 0

    @property
    def window(self) -> int:
        """Inner steps that are differentiated."""
        steps = learning_steps(self.recipe, len(self.synthetic.images))
        return min(self.config.window or BEGINNING, steps)


METHOD = Method(
    (Stage(GradientMatching, models={"conv": Unroll, "mlp": Beginning}),),
    {**SETTINGS, "batch": 200, "start": "mean", "image_lr": 0.015},
    surrogates=True,
)
