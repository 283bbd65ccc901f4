"""The inner loop: networks trained on the learnable set, differentiably, with `higher`.

SGD with momentum only: `higher`'s SGD is exact, its Adam is not.
"""

from __future__ import annotations

import higher
import torch
from torch import Tensor

from reproduce.models import Stack
from reproduce.recipe import Recipe
from reproduce.train import cross_entropy


def unrolled_loss(
    model: Stack,
    recipe: Recipe,
    images: Tensor,
    labels: Tensor,
    rates: Tensor,
    query_images: Tensor,
    query_labels: Tensor,
) -> Tensor:
    """Mean loss on real images after training on the set, with the graph that leads back to it.

    Parameters
    ----------
    model : Stack
        K freshly initialised networks.
    recipe : Recipe
        Gives momentum, weight decay and the input normalisation.
    images : Tensor of shape (n, 1, H, W)
        The learnable images in pixel space, trained on as one batch in every step.
    labels : Tensor of shape (n, C)
        Their soft labels.
    rates : Tensor of shape (T,)
        One learning rate for each of the T steps.
    query_images, query_labels : Tensor of shapes (B, 1, H, W) and (B, C)
        Real images in pixel space, and their labels as probabilities.

    Returns
    -------
    Tensor
        Scalar, the mean over networks.
    """
    optimiser = torch.optim.SGD(
        model.parameters(), lr=1.0, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    x = ((images - recipe.mean) / recipe.std).expand(model.nets, *images.shape)
    with higher.innerloop_ctx(model, optimiser) as (network, steps):
        for rate in rates:
            steps.step(cross_entropy(network(x), labels).sum(), override={"lr": [rate]})
        query = ((query_images - recipe.mean) / recipe.std)[None]
        return cross_entropy(network(query), query_labels).mean()
