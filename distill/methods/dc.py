"""`dc`: the set's gradients point where real ones do, class by class (Zhao et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from distill.config import DistillConfig
from distill.inner.networks import Tensors
from distill.methods import Method, Stage
from distill.objectives.matching import SETTINGS, Matching
from distill.panel import Member
from reproduce.training.losses import cross_entropy

OLDEST = 100  # age of networks for sets of more than one image per class


class GradientMatching(Matching):
    """One minus the cosine of gradients, output by output of each layer, summed.

    One image per class is matched on fresh networks, more on networks in training, as published.
    """

    def prepare(self) -> None:
        super().prepare()
        # A copy of each network for each class, so that all gradients are computed at once.
        self.matcher = self.trainer_of(self.recipe, self.nets * self.classes)

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, 0 if config.ipc == 1 else min(steps, OLDEST)

    @classmethod
    def refused(cls, config: DistillConfig, panel: Sequence[Member]) -> Iterator[tuple[str, str]]:
        if any(member.recipe and member.recipe.loss == "mse" for member in panel):
            reason = f"{config.method} matches gradients of the cross-entropy; use sgd or convnet"
            yield "protocols", reason

    @classmethod
    def stacks(cls, classes: int) -> int:
        return 1 + 3 * classes  # the matcher's own, its copies, and the gradients to match

    def begin(self, turn: int) -> None:
        super().begin(turn)
        real = self.gradients(self.seen, self.real[1], graph=False)
        self.target = tuple(gradient.detach() for gradient in real)

    def gradients(self, x: Tensor, y: Tensor, graph: bool) -> Tensors:
        """Gradients (K * C, ...) of each class's loss on its part of (K, n, ...) images."""
        copies = self.networks.copies(self.classes)
        parts = [t.unflatten(1, (self.classes, -1)).flatten(0, 1) for t in (x, y)]
        total = cross_entropy(self.matcher(copies, parts[0])[1], parts[1]).sum()
        return torch.autograd.grad(total, copies.parameters, create_graph=graph)

    def loss(self) -> Tensor:
        nets = self.nets
        x = self.inputs().expand(nets, -1, -1, -1, -1)
        y = self.synthetic.labels().expand(nets, -1, -1)
        distance = torch.zeros((), device=x.device, dtype=x.dtype)
        for ours, theirs in zip(self.gradients(x, y, graph=True), self.target, strict=True):
            if ours.dim() > 2:  # weights; biases and norms have one number for each output
                cosine = torch.cosine_similarity(ours.flatten(2), theirs.flatten(2), dim=2)
                distance = distance + (1 - cosine).sum()
        return distance / nets


METHOD = Method((Stage(GradientMatching),), SETTINGS)
