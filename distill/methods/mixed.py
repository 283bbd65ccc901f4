"""`mixed`: for each kind of network what it learns most by, so that one set teaches them all.

The essay's net is trained so briefly that its whole training matters, and that is compiled here: it
is unrolled. An MLP answers as its kernel does when it is wide. All other networks match gradients:
what is learned so for one of them teaches the others, too, while features of one network (`krr`)
teach that network alone.
"""

from __future__ import annotations

from torch import Tensor

from distill.inner.steps import Trainer
from distill.methods import Method, Stage
from distill.methods.dc import GradientMatching
from distill.methods.unroll import Unroll
from distill.objectives.base import Objective, outer_cross_entropy
from distill.objectives.matching import SETTINGS
from distill.objectives.networks import as_seen
from reproduce.networks.infinite import dense_kernels
from reproduce.training.batches import training_targets
from reproduce.training.last_layer import dual_weights

COPIES = 24  # of each image, otherwise augmented, where the recipe augments
STRENGTH = 0.02  # of the ridge, in units of the mean of the kernel's diagonal


class WideNetwork(Objective):
    """Cross-entropy, on real images, of an MLP as if it were infinitely wide.

    Its tangent kernel is regressed on the set with its augmentations (Jacot et al. 2018).
    """

    def prepare(self) -> None:
        """Make what shows the set as the recipe does; its networks are not trained."""
        recipe = self.member.recipe
        assert recipe
        self.recipe = recipe
        copies = 1 if recipe.augment == "none" else COPIES
        shape, like = self.data.image_shape, self.synthetic.images
        self.trainer = Trainer(recipe, shape, self.classes, copies, like)

    def loss(self) -> Tensor:
        recipe = self.recipe
        seen = self.trainer.view(self.synthetic, [self.config.seed, self.turn, 7, self.rank])
        ours = seen.flatten(0, 1).flatten(1).double()
        labels = training_targets(recipe, self.synthetic.scores()).repeat(len(seen), 1)
        theirs = as_seen(recipe, self.real[0]).flatten(0, 1).flatten(1).double()
        kernel, cross = (dense_kernels(x, ours, recipe.depth)[1] for x in (ours, theirs))
        found = cross @ dual_weights(kernel[None], labels.double()[None], STRENGTH)[0]
        logits = self.synthetic.logits(found.to(seen.dtype), self.number)
        return outer_cross_entropy(logits, self.real[1].flatten(0, 1))


METHOD = Method(
    (Stage(GradientMatching, models={"conv": Unroll, "mlp": WideNetwork}),),
    {**SETTINGS, "batch": 200, "start": "mean", "image_lr": 0.015},
    surrogates=True,
)
