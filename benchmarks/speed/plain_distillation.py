"""Distillation as the field publishes it: plain PyTorch loops, written from the papers.

They are what our own is compared with. Each loop learns one image a class from real images (n, 1,
28, 28), normalised as networks see them, and yields the images and the labels of its set after
every update, which the next update changes. Both have the field's ConvNet, whose first convolution
pads images to 32 pixels. Random numbers come from PyTorch's global generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.speed.oracle import plain_convnet

Made = tuple[Tensor, Tensor]  # images (C, 1, 28, 28) and labels, (C,) hard or (C, C) soft
# Dataset Condensation: one update of the set by every network.
DC_WIDTHS, DC_UPDATES, DC_REAL = (128, 128, 128), 1000, 256
# FRePo: life is the age, in steps, at which a network is replaced.
FREPO_WIDTHS, FREPO_UPDATES, FREPO_REAL = (128, 256, 512), 500_000, 1024
POOL, LIFE, RATE, STRENGTH = 10, 100, 3e-4, 1e-6


def real_start(images: Tensor, labels: Tensor) -> Tensor:
    """A random real image of each class, to be learned."""
    places = [_drawn(labels, label, 1) for label in labels.unique()]
    return images[torch.cat(places)].clone().requires_grad_()


def _drawn(labels: Tensor, label: Tensor, count: int) -> Tensor:
    """Places of random images of a class."""
    members = (labels == label).nonzero()[:, 0]
    return members[torch.randperm(len(members))[:count]]


def condensation(
    images: Tensor, labels: Tensor, widths: Sequence[int] = DC_WIDTHS
) -> Iterator[Made]:
    """Dataset Condensation (Zhao et al. 2021, algorithm 1) with its settings for one image a class.

    Gradients on the set are to point where those on real images do, class by class, in a fresh
    network for each update.
    """
    made, classes = real_start(images, labels), labels.unique()
    optimiser = torch.optim.SGD([made], lr=0.1, momentum=0.5)
    for _ in range(DC_UPDATES):
        net = plain_convnet(widths)
        optimiser.zero_grad()
        for place, label in enumerate(classes):
            real = images[_drawn(labels, label, DC_REAL)]
            theirs = _gradients(net, real, label, graph=False)
            ours = _gradients(net, made[place : place + 1], label, graph=True)
            gradient_distance(ours, theirs).backward(inputs=[made])
        optimiser.step()
        yield made.detach(), classes


def _gradients(net: nn.Module, images: Tensor, label: Tensor, graph: bool) -> Sequence[Tensor]:
    """Gradients of the cross-entropy on images of one class."""
    loss = F.cross_entropy(net(images), label.expand(len(images)))
    return torch.autograd.grad(loss, list(net.parameters()), create_graph=graph)


def gradient_distance(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """One minus the cosine, summed over the outputs of all layers (equation 10).

    Biases and norms, which have one number for each output, do not count.
    """
    pairs = [(a.flatten(1), b.flatten(1)) for a, b in zip(ours, theirs, strict=True) if a.dim() > 1]
    return torch.stack([(1 - F.cosine_similarity(a, b, dim=1)).sum() for a, b in pairs]).sum()


class Member:
    """A network of FRePo's pool, with its optimiser and its age in steps."""

    def __init__(self, widths: Sequence[int], age: int = 0) -> None:
        self.net, self.age = plain_convnet(widths, norm=False), age
        self.adam = torch.optim.Adam(self.net.parameters(), RATE)

    def train(self, images: Tensor, targets: Tensor) -> None:
        """One step on the set, by the squared error."""
        self.adam.zero_grad()
        (self.net(images) - targets).square().sum(1).mean().backward()
        self.adam.step()
        self.age += 1


def feature_regression(
    images: Tensor, labels: Tensor, widths: Sequence[int] = FREPO_WIDTHS
) -> Iterator[Made]:
    """FRePo (Zhou et al. 2022, algorithm 1) with its settings for one image a class.

    The set is to predict real labels by ridge regression on features of a network from a pool,
    whose networks are trained on the set as it changes. At first their ages differ in name alone,
    so that they are replaced one after the other.
    """
    x, y = real_start(images, labels), torch.eye(len(labels.unique())) - 1 / len(labels.unique())
    targets, y = y[labels], y.requires_grad_()
    adam = torch.optim.Adam([x, y], lr=1.0)
    pool = [Member(widths, age) for age in range(0, LIFE, LIFE // POOL)]
    for update in range(FREPO_UPDATES):
        place = int(torch.randint(POOL, ()))
        features, chosen = pool[place].net[:-1], torch.randint(len(images), (FREPO_REAL,))
        with torch.no_grad():
            theirs = features(images[chosen])
        answers = ridge_answers(features(x), y, theirs)
        loss = (answers - targets[chosen]).square().sum(1).mean() / 2
        x.grad, y.grad = torch.autograd.grad(loss, (x, y))
        rate = RATE * (0.1 + 0.9 * (1 + math.cos(math.pi * update / FREPO_UPDATES)) / 2)
        lamb_step(adam, [x, y], rate)
        pool[place].train(x.detach(), y.detach())
        if pool[place].age >= LIFE:
            pool[place] = Member(widths)
        yield x.detach(), y.detach()


def ridge_answers(ours: Tensor, y: Tensor, theirs: Tensor) -> Tensor:
    """What ridge regression from features (n, F) and labels (n, C) says of features (m, F)."""
    kernel = ours @ ours.T
    strength = STRENGTH * kernel.diagonal().mean() * torch.eye(len(kernel))
    return theirs @ ours.T @ torch.linalg.solve(kernel + strength, y)


def lamb_step(adam: torch.optim.Adam, tensors: Sequence[Tensor], rate: float) -> None:
    """Adam's step of each tensor at rate 1, made as long as `rate` times the tensor (LAMB)."""
    before = [tensor.detach().clone() for tensor in tensors]
    adam.step()
    with torch.no_grad():
        for tensor, old in zip(tensors, before, strict=True):
            step = tensor - old
            tensor.copy_(old + rate * old.norm() / step.norm() * step)
