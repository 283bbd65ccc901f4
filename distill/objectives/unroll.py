"""`unroll`: gradient through training (Wang et al. 2018; windows: RaT-BPTT, Feng et al. 2024).

Inner momentum, learned rates and soft labels are the recipe's; `higher` does the same for SGD in
`reference_loss`, which is slower and what tests compare with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import higher
import torch
from torch import Tensor

from distill.config import DistillConfig
from distill.estimate import kept_bytes, plan_unroll
from distill.inner.augment import views
from distill.inner.steps import Networks
from distill.objectives.base import STRENGTH, Objective, outer_cross_entropy, ridge_answers
from distill.synthetic import SyntheticSet
from reproduce.networks.models import Stack
from reproduce.recipe import Recipe
from reproduce.training.loop import LOSSES


class Unroll(Objective):
    """Cross-entropy on real images after training on the set, through its last `window` steps.

    Windows lie anywhere in a training of the recipe's length: before a window comes a network of
    the pool, trained without a graph.
    """

    DEFAULTS: ClassVar[dict[str, Any]] = {
        "recipe": "sgd",
        "batch": 256,
        "reuse": 1,
        "image_lr": 0.01,
        "width": 32,
        "window": 0,
        "start": "mean",
        "learn": "both",
    }
    OBEYS = ("window",)
    segment: int | None = None

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, steps - min(config.window or steps, steps)

    @property
    def window(self) -> int:
        """Inner steps that are differentiated."""
        steps = self.learned.recipe.epochs
        return min(self.config.window or steps, steps)

    def loss(self) -> Tensor:
        learned = self.learned
        x = learned.inputs()
        drawn = views(self.trainer, x, self.window, [self.config.seed, self.turn, 5, self.rank])
        networks = self.trainer.trained(
            self.networks,
            drawn,
            x,
            learned.labels(),
            learned.rates(),
            graph=True,
            segment=self.segment,
        )
        return self.judged(networks)

    def judged(self, networks: Networks) -> Tensor:
        """Cross-entropy of networks on the real images, with the recipe's last layer."""
        learned, (real, y) = self.learned, self.real
        features, answers = self.trainer(networks.parameters, real)
        recipe = learned.recipe
        if recipe.ridge is not None or recipe.head_steps:
            ours = self.trainer(networks.parameters, learned.inputs()[None])[0]
            answers = ridge_answers(ours, learned.scores(), features, recipe.ridge or STRENGTH)
        return outer_cross_entropy(logits(learned, answers), y)

    def fit(self, room: int) -> int:
        """Recompute, or shorten the window, to stay within so many bytes; bytes of an update."""
        self.begin(0)
        learned, x = self.learned, self.learned.inputs()
        one = views(self.trainer, x, 1, [0])
        step = kept_bytes(
            lambda: (
                self.trainer.trained(
                    self.networks, one, x, learned.labels(), learned.rates(), graph=True
                ).parameters
            )
        )
        # Trained networks have a graph behind them; those of the pool have none.
        judged = kept_bytes(lambda: self.judged(self.networks.with_gradients()))
        state = self.networks.parameters + self.networks.moments
        saved = sum(tensor.nbytes for tensor in state)
        plan = plan_unroll(self.window, step, saved, judged, room)
        if plan.window != self.window:
            self.config = replace(self.config, window=plan.window)
            self.pool = self.make_pool()
        self.segment = plan.segment
        return plan.bytes

    def ways(self) -> list[str]:
        words = [f"through {self.window} inner steps"]
        if self.segment:
            words.append(f"recomputed {self.segment} at a time")
        return words


def logits(learned: SyntheticSet, answers: Tensor) -> Tensor:
    """What networks answer, as logits: scores need a temperature."""
    return learned.logits(answers) if learned.recipe.loss == "mse" else answers


def reference_loss(
    model: Stack, recipe: Recipe, learned: SyntheticSet, real: Tensor, y: Tensor
) -> Tensor:
    """What `Unroll.loss` computes for SGD from fresh networks, by `higher`.

    Parameters
    ----------
    model : Stack
        K freshly initialised networks.
    recipe : Recipe
        SGD; all of its steps are differentiated, none is augmented.
    learned : SyntheticSet
    real, y : Tensor of shapes (K or 1, B, 1, H, W) and (K or 1, B, C)
        Normalised real images and one-hot labels.

    Returns
    -------
    Tensor
        Scalar, the mean over networks and images.
    """
    optimiser = torch.optim.SGD(
        model.parameters(), lr=1.0, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    x, labels, rates = learned.inputs(), learned.labels(), learned.rates()
    with higher.innerloop_ctx(model, optimiser) as (network, steps):
        for rate in rates:
            override: dict[str, Any] = {"lr": [rate]}
            steps.step(LOSSES[recipe.loss](network(x[None]), labels).sum(), override=override)
        return outer_cross_entropy(logits(learned, network(real)), y)
