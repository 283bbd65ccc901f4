"""`rcig`: ridge regression on the tangents of networks (RCIG, Loo et al. 2023).

Dataset Distillation with Convexified Implicit Gradients. A network of the pool with parameters P0
is linearised in all of its parameters: its answers to x are J(x) P, where J(x) is the gradient of
the network's answers at P0. To learn P from the set is then a convex problem. Its solution P* is
that of a ridge regression with the network's own tangent kernel J J'. The gradient of the outer
loss L by the set s is the implicit one,

    dL/ds = @L/@s - v (@/@s)(@/@P) inner loss,    v = (inverse Hessian of the inner loss) @L/@P,

and since P* solves a linear equation, differentiating that solution (`dual_weights`) is the same,
by the theorem of implicit functions; a test holds the two equal. Softplus replaces ReLU while
distilling, as theirs does, for tangents of ReLU do not change smoothly with images.

Their settings for 28x28 grey images: 30 networks of up to 100 steps, softplus with beta 60, a ridge
of 5e-4, AdaBelief at 3e-3, 20 steps of Adam towards P*, and 20 more towards v. What differs:

1. P* and v are exact, theirs are approached by those steps from a solved last layer.
2. The kernel of all answers together has C^2 times as many entries. Here one random mix of the
   answers is differentiated, another at every turn. Its kernel is exact for the last layer, where
   that of all answers is the same for each of them; for all other layers it is the mean over the
   answers, in expectation.
3. The ridge, the pool and the optimiser of the set are those of `krr`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from distill import ranks
from distill.config import DistillConfig
from distill.inner.networks import Networks
from distill.inner.steps import Trainer
from distill.methods import Method, Stage, krr
from distill.methods.krr import KernelRidge
from distill.objectives.networks import parameter_bytes
from distill.panel import Member
from reproduce.data import Dataset
from reproduce.recipe import Recipe

TOGETHER = 32  # real images whose tangents are computed at once


class TangentRidge(KernelRidge):
    """Cross-entropy, on real images, of linearised networks that learned the set."""

    OBEYS = ()

    def prepare(self) -> None:
        super().prepare()
        self.copiers: dict[int, Trainer] = {}  # trainers of a copy of each network for each image

    def networks_recipe(self, recipe: Recipe) -> Recipe:
        return replace(recipe, activation="softplus")

    @classmethod
    def refused(cls, config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
        if any(member.recipe and member.recipe.model != "convnet" for member in panel):
            yield "protocols", f"{config.method} needs a smooth activation, which convnet has"

    @classmethod
    def standing_bytes(cls, config: DistillConfig, member: Member, data: Dataset) -> int:
        """As for other objectives, with the tangents of a real batch."""
        assert member.recipe
        tangent = parameter_bytes(member.recipe, data.image_shape, len(data.classes))
        kept = (config.batch or 0) * (config.nets // ranks.join()[1]) * tangent
        return super().standing_bytes(config, member, data) + kept

    def begin(self, turn: int) -> None:
        rng = np.random.default_rng([self.config.seed, turn, 13])
        drawn = rng.normal(size=self.classes)
        self.mix = torch.from_numpy(drawn / np.linalg.norm(drawn)).to(self.synthetic.images)
        super().begin(turn)

    @torch.no_grad()
    def real_features(self, networks: Networks, x: Tensor) -> Tensor:
        parts = [self.tangents(networks, part) for part in x.split(TOGETHER, dim=1)]
        return torch.cat(parts, dim=1)

    def features(self, x: Tensor) -> Tensor:
        return self.tangents(self.networks, x)

    def tangents(self, networks: Networks, x: Tensor) -> Tensor:
        """Gradients (K, n, P) of each network's mixed answers to each of x (K or 1, n, 1, H, W).

        Each image has a copy of the network, so that all gradients are computed at once.
        """
        nets, count, graph = self.nets, x.shape[1], torch.is_grad_enabled()
        if count not in self.copiers:
            self.copiers[count] = self.trainer_of(self.networks_recipe(self.recipe), nets * count)
        images = x.expand(nets, -1, -1, -1, -1).flatten(0, 1)[:, None]
        with torch.enable_grad():
            copies = networks.copies(count)
            answers = self.copiers[count](copies, images)[1] @ self.mix
            found = torch.autograd.grad(answers.sum(), copies.parameters, create_graph=graph)
        return torch.cat([part.flatten(1) for part in found], 1).unflatten(0, (nets, count))


METHOD = Method(
    (Stage(TangentRidge),),
    krr.METHOD.settings | {"batch": 128, "image_lr": 3e-3, "width": 32},
    surrogates=True,
)
