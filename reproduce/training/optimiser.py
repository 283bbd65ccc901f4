"""SGD with momentum, and Adam, which change the parameters of a stack in place.

`torch.optim.SGD` and `torch.optim.Adam` import PyTorch's compiler as soon as one is made: a second,
and over 100 MiB in each process that trains networks. The public functions that do their arithmetic
import nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from reproduce.recipe import Recipe

BETAS, EPS = (0.9, 0.999), 1e-8  # of Adam (Kingma and Ba 2015)


class Optimiser:
    """A recipe's optimiser of some parameters.

    Parameters
    ----------
    recipe : Recipe
    parameters : iterable of Parameter
        Those without a gradient are left as they are.
    """

    def __init__(self, recipe: Recipe, parameters: Iterable[Tensor]) -> None:
        self.recipe, self.parameters = recipe, list(parameters)
        # Of each parameter: its velocity, or both moments and the steps of Adam; empty at first.
        self.moments: list[list[Tensor]] = []
        self.forget()

    def forget(self) -> None:
        """Begin again, without momentum."""
        self.moments = [[] for _ in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take a step along the gradients, with this learning rate."""
        used = [n for n, p in enumerate(self.parameters) if p.grad is not None]
        parameters = [self.parameters[n] for n in used]
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.recipe.optimiser == "adam":
            self._adam(used, parameters, gradients, rate)
        else:
            self._sgd(used, parameters, gradients, rate)

    def _sgd(
        self, used: list[int], parameters: list[Tensor], gradients: list[Tensor], rate: float
    ) -> None:
        momentum = self.recipe.momentum
        kept = [self.moments[n][0] if self.moments[n] else None for n in used]
        sgd(
            parameters,
            gradients,
            kept,
            lr=rate,
            momentum=momentum,
            weight_decay=self.recipe.weight_decay,
            dampening=0,
            nesterov=False,
            maximize=False,
        )
        for n, velocity in zip(used, kept, strict=True):
            self.moments[n] = [] if velocity is None else [velocity]

    def _adam(
        self, used: list[int], parameters: list[Tensor], gradients: list[Tensor], rate: float
    ) -> None:
        for n, p in zip(used, parameters, strict=True):
            self.moments[n] = self.moments[n] or [*map(torch.zeros_like, (p, p)), torch.zeros(())]
        first, second, steps = ([self.moments[n][part] for n in used] for part in range(3))
        adam(
            parameters,
            gradients,
            first,
            second,
            [],
            steps,
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            eps=EPS,
            weight_decay=self.recipe.weight_decay,
            amsgrad=False,
            maximize=False,
        )

    def restore(self, moments: Sequence[Sequence[Tensor]]) -> None:
        """Go on with the `moments` of an earlier optimiser of such parameters.

        Raises
        ------
        ValueError
            When they do not fit the parameters.
        """
        restored = []
        for parameter, kept in zip(self.parameters, moments, strict=True):
            shapes = [m.shape for m in kept]
            own = [parameter.shape] * len(kept[:2]) + [torch.Size()] * len(kept[2:])
            if len(kept) not in self._numbers() or shapes != own:
                raise ValueError("moments")
            # Adam counts its steps on the CPU.
            restored.append([*(m.to(parameter) for m in kept[:2]), *kept[2:]])
        self.moments = restored

    def _numbers(self) -> tuple[int, int]:
        """How many tensors a parameter may have: before its first step, and then."""
        return 0, 3 if self.recipe.optimiser == "adam" else int(self.recipe.momentum > 0)
