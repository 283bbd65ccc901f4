"""The inner loop as functions: networks trained on a learnable set, differentiably.

A network's training is a chain of pure steps on tensors, the same arithmetic that
`reproduce.training.loop` does with PyTorch's optimisers. It can be differentiated as it stands, or
in segments that are computed again on the way back, so that memory grows with the square root of
the number of steps (Chen et al. 2016, "Training deep nets with sublinear memory cost").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.func import functional_call

from distill.inner.followed import check_followed
from reproduce.networks.models import Stack, build
from reproduce.recipe import Recipe
from reproduce.training.loop import LOSSES, learning_rate, optimiser_began, risen

BETAS, EPS = (0.9, 0.999), 1e-8  # of torch.optim.Adam
FLOOR = 1e-30  # inside Adam's square root, whose slope at zero is infinite; EPS hides it
Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class Networks:
    """K networks in training. Steps make new ones, so old ones can be kept at no cost.

    Attributes
    ----------
    parameters : tuple of Tensor
        In the order of the stack's own, each with a leading dimension K.
    moments : tuple of Tensor
        The optimiser's: nothing, momentum, or Adam's first and then second moments.
    age : int
        Steps taken.
    """

    parameters: Tensors
    moments: Tensors
    age: int = 0

    def detached(self) -> Networks:
        """The same without a graph."""
        parts = [tuple(t.detach() for t in p) for p in (self.parameters, self.moments)]
        return Networks(parts[0], parts[1], self.age)

    def with_gradients(self) -> Networks:
        """The same as the beginning of a graph."""
        parameters = tuple(p.detach().requires_grad_() for p in self.parameters)
        return Networks(parameters, self.moments, self.age)


class _Both(nn.Module):
    """Features and answers of a stack at once."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.stack.features(self.stack.prepare(x))
        return features, self.stack.head(features)


class Trainer:
    """Trains stacks of K networks under a recipe by pure steps.

    Parameters
    ----------
    recipe : Recipe
        Model, loss, optimiser and schedule. The whole set is one batch; recipes whose training is
        another one are refused (`distill.inner.followed`).
    image_shape, classes
        As in `reproduce.networks.models.build`.
    nets : int
        K.
    like : Tensor or None
        Networks are of this tensor's device and type; else float32 on the CPU.
    """

    def __init__(
        self,
        recipe: Recipe,
        image_shape: tuple[int, int],
        classes: int,
        nets: int,
        like: Tensor | None = None,
    ) -> None:
        self.recipe, self.nets = recipe, nets
        self.like = torch.zeros((), dtype=torch.float32) if like is None else like.detach()
        self._shape = image_shape, classes
        stack = build(recipe, image_shape, classes, [0] * nets)
        # Channels last is faster by a third, but not for grouped kernels.
        stack.layout = torch.channels_last if nets == 1 else torch.contiguous_format
        self._module = _Both(stack).to(self.like.device)
        self._names = [name for name, _ in self._module.named_parameters()]
        self.shapes = [parameter.shape for parameter in self._module.parameters()]
        self.moments = moments_of(recipe)
        self.loss = LOSSES[recipe.loss]

    def fresh(self, seeds: Sequence[int]) -> Networks:
        """Networks drawn from `seeds`, K of them, as the oracle draws them."""
        stack = build(self.recipe, *self._shape, seeds)
        parameters = tuple(p.detach().to(self.like) for p in stack.parameters())
        return Networks(parameters, tuple(torch.zeros_like(p) for p in parameters) * self.moments)

    def __call__(self, parameters: Tensors, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (K, B, F) and answers (K, B, C) of normalised x (K or 1, B, 1, H, W)."""
        if self.nets == 1:
            parameters = tuple(_channels_last(p) for p in parameters)
        named = dict(zip(self._names, parameters, strict=True))
        found: tuple[Tensor, Tensor] = functional_call(self._module, named, (x,))
        return found

    def rate(self, age: int, rates: Tensor) -> Tensor | float:
        """The learning rate of the step from `age`: of `rates` where the recipe lists them."""
        if self.recipe.schedule == "list":
            return risen(self.recipe, age) * rates[age]
        return learning_rate(self.recipe, age + 1, age)

    def step(
        self, networks: Networks, x: Tensor, y: Tensor, rates: Tensor, graph: bool
    ) -> Networks:
        """One step on inputs x (K or 1, n, 1, H, W) and labels y (n, C); with the graph or not."""
        with torch.enable_grad():
            old = networks.parameters
            if not graph:
                old = tuple(p.detach().requires_grad_() for p in old)
            elif not all(p.requires_grad for p in old):
                old = tuple(p if p.requires_grad else p.detach().requires_grad_() for p in old)
            total = self.loss(self(old, x)[1], y).sum()
            gradients = torch.autograd.grad(total, old, create_graph=graph)
        with torch.set_grad_enabled(graph):
            made = self._updated(networks, old, gradients, self.rate(networks.age, rates))
        return made if graph else made.detached()

    def _restarted(self, networks: Networks) -> Networks:
        """The networks, with fresh moments where the recipe's optimiser starts again."""
        epoch = networks.age + 1
        if epoch > 1 and epoch == optimiser_began(self.recipe, epoch):
            fresh = tuple(torch.zeros_like(m) for m in networks.moments)
            return Networks(networks.parameters, fresh, networks.age)
        return networks

    def _updated(
        self, networks: Networks, old: Tensors, gradients: Tensors, rate: Tensor | float
    ) -> Networks:
        decay, count = self.recipe.weight_decay, len(old)
        networks = self._restarted(networks)
        if decay:
            gradients = tuple(g + decay * p for g, p in zip(gradients, old, strict=True))
        age = networks.age + 1
        if self.recipe.optimiser == "adam":
            (b1, b2), pairs = BETAS, (networks.moments[:count], networks.moments[count:])
            first = tuple(b1 * m + (1 - b1) * g for m, g in zip(pairs[0], gradients, strict=True))
            second = tuple(
                b2 * v + (1 - b2) * g * g for v, g in zip(pairs[1], gradients, strict=True)
            )
            taken = age + 1 - optimiser_began(self.recipe, age)
            c1, c2 = 1 - b1**taken, 1 - b2**taken
            moves = tuple(
                m / c1 / ((v / c2 + FLOOR).sqrt() + EPS) for m, v in zip(first, second, strict=True)
            )
            moments = first + second
        elif self.recipe.momentum:
            moves = tuple(
                self.recipe.momentum * m + g
                for m, g in zip(networks.moments, gradients, strict=True)
            )
            moments = moves
        else:
            moves, moments = gradients, ()
        new = tuple(p - rate * move for p, move in zip(old, moves, strict=True))
        return Networks(new, moments, age)

    def trained(
        self,
        networks: Networks,
        views: Sequence[Callable[[Tensor], Tensor]],
        x: Tensor,
        y: Tensor,
        rates: Tensor,
        *,
        graph: bool,
        segment: int | None = None,
    ) -> Networks:
        """Networks after one step for each of `views`.

        Parameters
        ----------
        views : sequence of callables
            Step t trains on views[t](x), (K or 1, n, 1, H, W): an augmentation that was drawn
            beforehand, or `as_it_is`.
        x, y : Tensor of shapes (n, 1, H, W) and (n, C)
        rates : Tensor
            Listed rates, or empty.
        graph : bool
            Keep the graph to x, y, rates and the first networks.
        segment : int or None
            With a graph: keep it for so many steps at a time only, and compute those again on the
            way back. None keeps all.

        Raises
        ------
        UserError
            When the recipe trains otherwise than step by step on the whole set.
        """
        if views:
            check_followed(self.recipe, len(x))
        if not graph:
            x, y, rates = x.detach(), y.detach(), rates.detach()
        if not graph or segment is None:
            for view in views:
                networks = self.step(networks, view(x), y, rates, graph)
            return networks
        for start in range(0, len(views), segment):
            run = _Segment(self, networks.age, views[start : start + segment])
            state = _Recomputed.apply(run, x, y, rates, *networks.parameters, *networks.moments)
            count = len(networks.parameters)
            networks = Networks(state[:count], state[count:], networks.age + len(run.views))
        return networks


def moments_of(recipe: Recipe) -> int:
    """Tensors of a parameter's shape that the optimiser keeps for it."""
    return 2 if recipe.optimiser == "adam" else 1 if recipe.momentum else 0


def _channels_last(parameter: Tensor) -> Tensor:
    """The kernels (1, O, I, 3, 3) of a single network in that layout; others as they are."""
    if parameter.dim() != 5:
        return parameter
    return parameter[0].contiguous(memory_format=torch.channels_last)[None]


@dataclass(frozen=True)
class _Segment:
    """Some steps as a function of tensors alone."""

    trainer: Trainer
    age: int
    views: Sequence[Callable[[Tensor], Tensor]]

    def __call__(self, graph: bool, *tensors: Tensor) -> Tensors:
        x, y, rates, *state = tensors
        count = len(self.trainer._names)
        networks = Networks(tuple(state[:count]), tuple(state[count:]), self.age)
        ended = self.trainer.trained(networks, self.views, x, y, rates, graph=graph)
        return ended.parameters + ended.moments


class _Recomputed(Function):
    """A segment whose graph is built again when its gradient is wanted."""

    @staticmethod
    def forward(ctx: Any, run: _Segment, *tensors: Tensor) -> Tensors:
        """The segment without a graph."""
        ctx.run = run
        ctx.save_for_backward(*tensors)
        return run(False, *tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The segment once more, with its graph, and back through it."""
        inputs = [t.detach().requires_grad_() for t in ctx.saved_tensors]
        with torch.enable_grad():
            outputs = ctx.run(True, *inputs)
        found = torch.autograd.grad(outputs, inputs, gradients, allow_unused=True)
        return (None, *found)


def square_root(steps: int) -> int:
    """Length of segments that keeps memory least: about sqrt(steps)."""
    return max(1, math.isqrt(steps))


def as_it_is(x: Tensor) -> Tensor:
    """The view of a recipe without augmentation."""
    return x[None]
