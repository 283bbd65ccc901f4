"""The inner loop as pure functions: networks trained on a synthetic set, differentiably.

A training is a chain of pure steps on tensors, with the same arithmetic that
`reproduce.training.loop` does with PyTorch's optimisers. Its graph can be kept whole, or segments
of it can be recomputed in the backward pass, so that memory grows with the square root of the
number of steps (Chen et al. 2016, "Training deep nets with sublinear memory cost").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from distill.inner.augment import View, views
from distill.synthetic import SyntheticSet
from reproduce.errors import UserError
from reproduce.networks.models import Stack, build
from reproduce.recipe import Recipe
from reproduce.training.losses import LOSSES
from reproduce.training.schedule import learning_rate, optimiser_began, warm_up

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
        parameters = tuple(p.detach() for p in self.parameters)
        return Networks(parameters, tuple(m.detach() for m in self.moments), self.age)

    def with_gradients(self) -> Networks:
        """The same as the beginning of a graph."""
        parameters = tuple(p.detach().requires_grad_() for p in self.parameters)
        return Networks(parameters, self.moments, self.age)


class _FeaturesAndAnswers(nn.Module):
    """Both outputs of a stack from one forward pass."""

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
        Model, loss, optimiser and schedule. The whole set is one batch; `check_followed` refuses
        recipes that train in another way.
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
        self._module = _FeaturesAndAnswers(stack).to(self.like.device)
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

    def trained(
        self,
        networks: Networks,
        synthetic: SyntheticSet,
        steps: int,
        seed: Sequence[int],
        *,
        graph: bool,
        segment: int | None = None,
    ) -> Networks:
        """Networks after some steps on the set.

        Parameters
        ----------
        networks : Networks
        synthetic : SyntheticSet
        steps : int
        seed : sequence of int
            Of the augmentation, which is drawn beforehand.
        graph : bool
            Keep the graph to the set and to the first networks.
        segment : int or None
            With a graph: drop it, and recompute it in the backward pass for so many steps at a
            time. None keeps all of it.

        Raises
        ------
        UserError
            When the recipe trains otherwise than step by step on the whole set.
        """
        x, y, rates = synthetic.inputs(), synthetic.labels(), synthetic.rates()
        if steps:
            check_followed(self.recipe, len(x))
        shown = views(self.recipe, self.nets, x, steps, seed)
        if not graph:
            return self._stepped(networks, shown, x.detach(), y.detach(), rates.detach(), False)
        if segment is None:
            return self._stepped(networks, shown, x, y, rates, True)
        for start in range(0, steps, segment):
            networks = self._recomputed(networks, shown[start : start + segment], x, y, rates)
        return networks

    def _stepped(
        self,
        networks: Networks,
        shown: Sequence[View],
        x: Tensor,
        y: Tensor,
        rates: Tensor,
        graph: bool,
    ) -> Networks:
        for view in shown:
            networks = self.step(networks, view(x), y, rates, graph)
        return networks

    def _recomputed(self, networks: Networks, shown: Sequence[View], *inputs: Tensor) -> Networks:
        """Networks after some steps, whose graph is built in the backward pass alone."""
        count = len(networks.parameters)

        def segment(x: Tensor, y: Tensor, rates: Tensor, *state: Tensor) -> Tensors:
            begun = Networks(state[:count], state[count:], networks.age)
            ended = self._stepped(begun, shown, x, y, rates, torch.is_grad_enabled())
            return ended.parameters + ended.moments

        # Not re-entrant, PyTorch would recompute for each gradient that a step itself takes.
        given = (*inputs, *networks.parameters, *networks.moments)
        state = checkpoint(segment, *given, use_reentrant=True, preserve_rng_state=False)
        return Networks(state[:count], state[count:], networks.age + len(shown))

    def step(
        self, networks: Networks, x: Tensor, y: Tensor, rates: Tensor, graph: bool
    ) -> Networks:
        """One step on inputs x (K or 1, n, 1, H, W) and labels y (n, C); with the graph or not."""
        with torch.enable_grad():
            old = tuple(
                p if graph and p.requires_grad else p.detach().requires_grad_()
                for p in networks.parameters
            )
            total = self.loss(self(old, x)[1], y).sum()
            gradients = torch.autograd.grad(total, old, create_graph=graph)
        with torch.set_grad_enabled(graph):
            made = self._updated(networks, old, gradients, self.rate(networks.age, rates))
        return made if graph else made.detached()

    def rate(self, age: int, rates: Tensor) -> Tensor | float:
        """The learning rate of the step from `age`: of `rates` where the recipe lists them."""
        if self.recipe.schedule == "list":
            return warm_up(self.recipe, age) * rates[age]
        return learning_rate(self.recipe, age + 1, age)

    def _updated(
        self, networks: Networks, old: Tensors, gradients: Tensors, rate: Tensor | float
    ) -> Networks:
        """What SGD with momentum, or Adam, makes of parameters and moments."""
        recipe, age, moments = self.recipe, networks.age + 1, networks.moments
        began = optimiser_began(recipe, age)
        if age == began > 1:  # the optimiser starts again
            moments = tuple(torch.zeros_like(m) for m in moments)
        if recipe.weight_decay:
            pairs = zip(gradients, old, strict=True)
            gradients = tuple(g + recipe.weight_decay * p for g, p in pairs)
        if recipe.optimiser == "adam":
            moves, moments = _adam(moments, gradients, age + 1 - began)
        elif recipe.momentum:
            pairs = zip(moments, gradients, strict=True)
            moves = moments = tuple(recipe.momentum * m + g for m, g in pairs)
        else:
            moves = gradients
        new = tuple(p - rate * move for p, move in zip(old, moves, strict=True))
        return Networks(new, moments, age)


def _adam(moments: Tensors, gradients: Tensors, taken: int) -> tuple[Tensors, Tensors]:
    """Moves and new moments of Adam's step number `taken`, from 1 (Kingma and Ba 2015)."""
    (b1, b2), count = BETAS, len(gradients)
    first = tuple(b1 * m + (1 - b1) * g for m, g in zip(moments[:count], gradients, strict=True))
    second = tuple(
        b2 * v + (1 - b2) * g * g for v, g in zip(moments[count:], gradients, strict=True)
    )
    c1, c2 = 1 - b1**taken, 1 - b2**taken
    moves = tuple(
        m / c1 / ((v / c2 + FLOOR).sqrt() + EPS) for m, v in zip(first, second, strict=True)
    )
    return moves, first + second


def moments_of(recipe: Recipe) -> int:
    """Tensors of a parameter's shape that the optimiser keeps for it."""
    return 2 if recipe.optimiser == "adam" else 1 if recipe.momentum else 0


def square_root(steps: int) -> int:
    """Length of segments that keeps memory least: about sqrt(steps)."""
    return max(1, math.isqrt(steps))


def check_followed(recipe: Recipe, images: int) -> None:
    """Refuse recipes by which the oracle trains otherwise than the inner loop does.

    All others train here as under the oracle, but for the augmentation `dc`, which is drawn anew
    and interpolates here.

    Parameters
    ----------
    recipe : Recipe
    images : int
        Of the set.

    Raises
    ------
    UserError
    """
    if recipe.batch < images:
        raise UserError(
            f"the recipe trains on batches of {recipe.batch}, the {images} images of this set are "
            "more, and a set is distilled as one batch; use fewer images or another --recipe"
        )
    unlike = {
        "model 'conv'": recipe.model == "conv",
        "norm 'batch'": recipe.norm == "batch",
        "shifts": recipe.shifts,
        "deskew": recipe.deskew,
        "a distortion": recipe.distortion,
    }
    for name, there in unlike.items():
        if there:
            raise UserError(f"sets are not distilled through {name}; use a recipe without")


def _channels_last(parameter: Tensor) -> Tensor:
    """The kernels (1, O, I, 3, 3) of a single network in that layout; others as they are."""
    if parameter.dim() != 5:
        return parameter
    return parameter[0].contiguous(memory_format=torch.channels_last)[None]
