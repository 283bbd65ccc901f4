"""The inner loop as pure functions: networks trained on a synthetic set, differentiably.

A training is a chain of pure steps on tensors. It takes images, noise, changes and rates from where
the oracle's `reproduce.training.loop` takes them, and does the same arithmetic. Its graph can be
kept whole, or segments of it can be recomputed in the backward pass, so that memory grows with the
square root of the number of steps (Chen et al. 2016, "Training deep nets with sublinear memory
cost").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from distill.inner.networks import Networks, Tensors, TrainingSet
from distill.inner.optimisers import moments_of, updated
from distill.synthetic import SyntheticSet
from reproduce.networks.essay_net import step as essay_step
from reproduce.networks.essay_net.curvature import Descent
from reproduce.networks.layers import BatchNorm
from reproduce.networks.models import build
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.training.batches import augmenters, shown, training_images, training_targets
from reproduce.training.draws import Draw, Draws
from reproduce.training.losses import LOSSES
from reproduce.training.schedule import learning_rate, warm_up


class _FeaturesAndAnswers(nn.Module):
    """A stack as one function: answers under dropout, or features and answers without."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        prepared = self.stack.prepare(x)
        if noise is not None:
            answers = self.stack.answer(prepared, noise)
            return answers, answers
        features = self.stack.features(prepared)
        return features, self.stack.head(features)


class Trainer:
    """Trains stacks of K networks under a recipe by pure steps.

    Parameters
    ----------
    recipe : Recipe
        Model, loss, optimiser and schedule.
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
        # Channels last is faster where the first layer has no grouped kernels.
        stack.layout = torch.channels_last if nets == 1 else torch.contiguous_format
        self.noise = stack.noise
        fits = essay_step.fits(recipe, stack, image_shape[1])
        self.compiled = fits and self.like.dtype == torch.float32 and self.like.device.type == "cpu"
        for layer in stack.modules():
            if isinstance(layer, BatchNorm):
                layer.graph = True
        self._module = _FeaturesAndAnswers(stack).to(self.like.device)
        self._names = [name for name, _ in self._module.named_parameters()]
        self._buffers = [name for name, _ in self._module.named_buffers()]
        self.shapes = [parameter.shape for parameter in self._module.parameters()]
        self.buffer_shapes = [buffer.shape for buffer in self._module.buffers()]
        self.moments = moments_of(recipe)
        self.loss = LOSSES[recipe.loss]

    def fresh(self, seeds: Sequence[int], images: int) -> Networks:
        """Networks drawn from `seeds`, K of them, as the oracle draws them, for a set of a size."""
        stack = build(self.recipe, *self._shape, seeds)
        parameters = tuple(p.detach().to(self.like) for p in stack.parameters())
        moments = tuple(torch.zeros_like(p) for p in parameters) * self.moments
        buffers = tuple(b.detach().to(self.like) for b in stack.buffers())
        return Networks(parameters, moments, buffers, self.draws(seeds, images))

    def draws(self, seeds: Sequence[int], images: int) -> Draws:
        """The draws of new networks that learn a set of so many images."""
        return Draws(self.recipe, images, self._shape[0], seeds, self.noise)

    def __call__(self, networks: Networks, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (K, B, F) and answers (K, B, C) of normalised x (K or 1, B, 1, H, W)."""
        self._module.eval()
        return self._outputs(networks.parameters, networks.buffers, x)

    def _outputs(
        self, parameters: Tensors, buffers: Tensors, x: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        if self.nets == 1:
            parameters = tuple(_channels_last(p) for p in parameters)
        named = dict(zip(self._names, parameters, strict=True))
        named |= dict(zip(self._buffers, buffers, strict=True))
        found: tuple[Tensor, Tensor] = functional_call(self._module, named, (x, noise))
        return found

    def training_set(self, synthetic: SyntheticSet, graph: bool) -> TrainingSet:
        """The set as this recipe's networks learn it."""
        with torch.set_grad_enabled(graph):
            x = training_images(self.recipe, synthetic.pixels())[None]
            y = training_targets(self.recipe, synthetic.targets(self.recipe))[None]
            return TrainingSet(
                x, y, synthetic.rates(), augmenters(self.recipe, x, beforehand=False)
            )

    def view(self, synthetic: SyntheticSet, seed: Sequence[int]) -> Tensor:
        """The whole set (K, n, 1, H, W) as a step shows it, augmented from a seed of its own."""
        training = self.training_set(synthetic, True)
        count = training.x.shape[1]
        whole = replace(self.recipe, batch=count, reshuffle=False)
        seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(self.nets)]
        draw = Draws(whole, len(synthetic.images), self._shape[0], seeds, 0).next()
        ordered = replace(draw, rows=torch.arange(count).expand(self.nets, -1))
        return shown(whole, training.x, training.y, ordered, training.augmenters)[0]

    def trained(
        self,
        networks: Networks,
        synthetic: SyntheticSet,
        steps: int,
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
        graph : bool
            Keep the graph to the set and to the first networks.
        segment : int or None
            With a graph: drop it, and recompute it in the backward pass for so many steps at a
            time. None keeps all of it.
        """
        if not steps:
            return networks
        assert networks.draws
        later = networks.draws.copied()
        drawn = (later.next() for _ in range(steps))
        training = self.training_set(synthetic, graph)
        if not graph:
            networks = self._stepped(networks, drawn, training, False)
        elif segment is None:
            networks = self._stepped(networks, drawn, training, True)
        else:
            every = list(drawn)
            for start in range(0, steps, segment):
                part = every[start : start + segment]
                networks = self._recomputed(networks, part, training)
        return replace(networks, draws=later)

    def _stepped(
        self, networks: Networks, drawn: Iterable[Draw], training: TrainingSet, graph: bool
    ) -> Networks:
        for draw in drawn:
            x, y = shown(self.recipe, training.x, training.y, draw, training.augmenters)
            networks = self.step(networks, x, y, draw, training.rates, graph)
        return networks

    def _recomputed(
        self, networks: Networks, drawn: Sequence[Draw], training: TrainingSet
    ) -> Networks:
        """Networks after some steps, whose graph is built in the backward pass alone."""

        def segment(x: Tensor, y: Tensor, rates: Tensor, *state: Tensor) -> Tensors:
            made = TrainingSet(x, y, rates, augmenters(self.recipe, x, beforehand=False))
            begun = networks.changed(state)
            return self._stepped(begun, drawn, made, torch.is_grad_enabled()).tensors

        # Not re-entrant, PyTorch would recompute for each gradient that a step itself takes.
        given = (training.x, training.y, training.rates, *networks.tensors)
        state = checkpoint(segment, *given, use_reentrant=True, preserve_rng_state=False)
        return networks.changed(state)

    def step(
        self, networks: Networks, x: Tensor, y: Tensor, draw: Draw, rates: Tensor, graph: bool
    ) -> Networks:
        """One step on inputs x (K, B, 1, H, W) and targets y (K, B, C); with the graph or not."""
        noise = None if draw.noise is None else draw.noise.to(x.device)
        assert networks.draws
        rate = self.rate(draw.step, networks.draws.per_epoch, rates)
        if self.compiled:
            assert noise is not None
            with torch.set_grad_enabled(graph):
                given = (x, y, noise, torch.as_tensor(rate, dtype=x.dtype), *networks.parameters)
                return networks.changed(Descent.apply(*given))
        self._module.train()
        with torch.enable_grad():
            old = tuple(
                p if graph and p.requires_grad else p.detach().requires_grad_()
                for p in networks.parameters
            )
            buffers = tuple(b.clone() for b in networks.buffers)  # the step changes them in place
            noise = None if noise is None else noise.to(x.dtype)
            total = self.loss(self._outputs(old, buffers, x, noise)[1], y).sum()
            gradients = torch.autograd.grad(total, old, create_graph=graph)
        with torch.set_grad_enabled(graph):
            age, per_epoch = draw.step, networks.draws.per_epoch
            moved = updated(self.recipe, old, gradients, networks.moments, rate, age, per_epoch)
            made = networks.changed((*moved, *buffers))
        return made if graph else made.detached()

    def rate(self, age: int, per_epoch: int, rates: Tensor) -> Tensor | float:
        """The learning rate of the step from `age`: of `rates` where the recipe lists them."""
        if self.recipe.schedule == "list":
            return warm_up(self.recipe, age) * rates[age]
        return learning_rate(self.recipe, age // per_epoch + 1, age)


def square_root(steps: int) -> int:
    """Length of segments that keeps memory least: about sqrt(steps)."""
    return max(1, math.isqrt(steps))


def _channels_last(parameter: Tensor) -> Tensor:
    """The kernels (1, O, I, 3, 3) of a single network in that layout; others as they are."""
    if parameter.dim() != 5:
        return parameter
    return parameter[0].contiguous(memory_format=torch.channels_last)[None]
