"""The unrolled loss as a plain loop by `higher`: slower, and what tests compare `unroll` with."""

from __future__ import annotations

from typing import Any

import higher
import torch
from torch import Tensor

from distill.objectives.base import outer_cross_entropy
from distill.synthetic import SyntheticSet
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.training.losses import LOSSES


def reference_loss(
    model: Stack, recipe: Recipe, synthetic: SyntheticSet, real: Tensor, y: Tensor
) -> Tensor:
    """What `Unroll.loss` computes for SGD from fresh networks, by `higher`.

    Parameters
    ----------
    model : Stack
        K freshly initialised networks.
    recipe : Recipe
        SGD; all of its steps are differentiated, none is augmented.
    synthetic : SyntheticSet
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
    x = (synthetic.images - recipe.mean) / recipe.std
    labels, rates = synthetic.targets(recipe), synthetic.rates()
    with higher.innerloop_ctx(model, optimiser) as (network, steps):
        for rate in rates:
            override: dict[str, Any] = {"lr": [rate]}
            steps.step(LOSSES[recipe.loss](network(x[None]), labels).sum(), override=override)
        answers: Tensor = network(real)
        if recipe.loss == "mse":
            answers = synthetic.logits(answers, 0)
        return outer_cross_entropy(answers, y)
