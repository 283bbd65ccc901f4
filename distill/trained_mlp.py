"""Scikit-learn's network as a function of the set that it learns, by gradient through its training.

The network is trained from a random initialisation of its own distribution by Adam, on all images
at once. A set of at most 200 images is one batch there, too. A training of 200 steps takes 50 here,
each of four times the rate, which is a quarter of the time and gives real images nearly the same
classes.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from reproduce.training.optimiser import BETAS, EPS

FEWER = 4  # steps of scikit-learn for one of ours
# Adam steps by the gradient over its root mean square, so that near a gradient of zero a step jumps
# from one sign to the other, and the slope of that jump drowns all others. This share of the whole
# matrix's mean square is added to each.
LEVEL = 0.3
# ReLU is rounded, for its corners make a training jump here and there when an image moves a little.
BETA = 10.0
SMALLEST = 1e-16  # divisor of the weights of an image that belongs to no class


def trained(x: Tensor, weights: Tensor, y: Tensor, estimator: MLPClassifier, seed: int) -> Tensor:
    """Answers of a network that `estimator` describes after its training.

    Parameters
    ----------
    x : Tensor of shape (n, F)
        Features of the set.
    weights : Tensor of shape (n, C)
        How far each image belongs to each class, >= 0.
    y : Tensor of shape (B, F)
        Features of real images.
    estimator : MLPClassifier
        With `relu` and Adam. Its early end, where the loss no longer falls, is left out.
    seed : int
        Of the initialisation.

    Returns
    -------
    Tensor of shape (B, C)
        Logits, with a graph to `x` and `weights`.
    """
    targets = weights / weights.sum(1, keepdim=True).clamp_min(SMALLEST)
    sizes = (x.shape[1], *estimator.hidden_layer_sizes, weights.shape[1])
    matrices, biases = initial(sizes, seed, x)
    states = [(p, torch.zeros_like(p), torch.zeros_like(p)) for p in (*matrices, *biases)]
    batches = math.ceil(len(x) / 200)  # in an epoch, as `batch_size="auto"` says
    steps = max(1, estimator.max_iter * batches // FEWER)
    rate, decay = FEWER * estimator.learning_rate_init, estimator.alpha * batches / len(x)
    decays = (decay,) * len(matrices) + (0.0,) * len(biases)  # of matrices alone
    for step in range(1, steps + 1):
        gradients = loss_gradients([state[0] for state in states], x, targets)
        states = [
            AdamStep.apply(*state, gradient, rate, own, step)
            for state, gradient, own in zip(states, gradients, decays, strict=True)
        ]
    return forward([state[0] for state in states], y)[-1]


def initial(sizes: tuple[int, ...], seed: int, like: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Matrices (inputs, outputs) and biases, uniform as Glorot and Bengio (2010) have them."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(bound: float, *shape: int) -> Tensor:
        return ((2 * torch.rand(shape, generator=generator) - 1) * bound).to(like)

    bounds = [math.sqrt(6 / sum(pair)) for pair in pairwise(sizes)]
    pairs = list(zip(bounds, pairwise(sizes), strict=True))
    return (
        [uniform(bound, *pair) for bound, pair in pairs],
        [uniform(bound, pair[1]) for bound, pair in pairs],
    )


def forward(parameters: list[Tensor], x: Tensor) -> list[Tensor]:
    """What each layer makes of features (n, F); the last are the logits."""
    half = len(parameters) // 2
    made = [x]
    for matrix, bias in zip(parameters[:half], parameters[half:], strict=True):
        given = F.softplus(made[-1], BETA) if len(made) > 1 else x
        made.append(torch.addmm(bias, given, matrix))
    return made


def loss_gradients(parameters: list[Tensor], x: Tensor, targets: Tensor) -> list[Tensor]:
    """Gradients of the mean cross-entropy by all parameters, written out: their graph is short."""
    half = len(parameters) // 2
    made = forward(parameters, x)
    error = (made[-1].softmax(1) - targets) / len(x)
    matrices, biases = [], []
    for layer in reversed(range(half)):
        given = F.softplus(made[layer], BETA) if layer else x
        matrices.append(given.T @ error)
        biases.append(error.sum(0))
        if layer:
            error = (error @ parameters[layer].T) * (BETA * made[layer]).sigmoid()
    return [*reversed(matrices), *reversed(biases)]


class AdamStep(torch.autograd.Function):
    """A step of Adam with L2 decay (Kingma and Ba 2015), which keeps three tensors of each."""

    @staticmethod
    def forward(
        ctx: Any,
        old: Tensor,
        first: Tensor,
        second: Tensor,
        gradient: Tensor,
        rate: float,
        decay: float,
        step: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The parameter and its two moments after step number `step`, from 1."""
        b1, b2 = BETAS
        c1, c2 = 1 - b1**step, 1 - b2**step
        whole = gradient.add(old, alpha=decay) if decay else gradient
        first = torch.lerp(whole, first, b1)
        second = torch.addcmul(second * b2, whole, whole, value=1 - b2)
        square = (second + (LEVEL * second.mean() + EPS**2)).div_(c2)
        ctx.save_for_backward(whole, first, square)
        ctx.given = rate / c1, decay, c2
        return torch.addcdiv(old, first, square.sqrt(), value=-rate / c1), first, second

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_new: Tensor, d_first: Tensor, d_second: Tensor) -> Any:
        """Gradients by the parameter, its moments and its gradient."""
        whole, first, square = ctx.saved_tensors
        rate, decay, c2 = ctx.given
        b1, b2 = BETAS
        pull = (d_new * square.rsqrt()).mul_(-rate)
        d_first = d_first + pull
        d_square = pull.mul_(first).div_(square).div_(-2 * c2)
        d_second = d_second + d_square + LEVEL * d_square.mean()
        d_whole = d_first.mul(1 - b1).addcmul_(d_second, whole, value=2 * (1 - b2))
        d_old = d_new.add(d_whole, alpha=decay) if decay else d_new
        return d_old, d_first.mul_(b1), d_second.mul_(b2), d_whole, None, None, None
