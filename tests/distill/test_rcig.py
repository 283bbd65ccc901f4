"""`rcig`: tangents, what they are for, and implicit gradients.

Its gradient is compared with finite differences in test_methods.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from distill import DistillConfig, Distiller
from distill.methods.rcig import TangentRidge
from distill.objectives.base import outer_cross_entropy, ridge_answers
from reproduce import Dataset, UserError

SMALL = DistillConfig(
    method="rcig", width=2, depth=1, batch=6, inner_steps=2, nets=2, steps=1, pool=1, start="real"
)


@pytest.fixture
def objective(digits: Dataset) -> TangentRidge:
    distiller = Distiller(digits, SMALL)
    synthetic = distiller.synthetic.double()
    made = TangentRidge(digits, distiller.config, synthetic, distiller.panel, 0)
    made.begin(0)
    return made


def answers(objective: TangentRidge, parameters: tuple[Tensor, ...], x: Tensor) -> Tensor:
    """Mixed answers (K, n)."""
    return objective.trainer(replace(objective.networks, parameters=parameters), x)[1] @ (
        objective.mix
    )


def test_tangents_are_the_gradients_of_each_image(objective: TangentRidge) -> None:
    x, parameters = objective.seen, objective.networks.with_gradients().parameters
    said = answers(objective, parameters, x)
    for net in range(2):
        for image in range(6):
            found = torch.autograd.grad(said[net, image], parameters, retain_graph=True)
            expected = torch.cat([part[net].flatten() for part in found])
            torch.testing.assert_close(objective.real_seen[net, image], expected)


def test_linearised_networks_are_networks_nearby(objective: TangentRidge) -> None:
    x, old = objective.seen, objective.networks.parameters
    generator = torch.Generator().manual_seed(0)
    moves = [1e-5 * torch.randn(p.shape, generator=generator).to(p) for p in old]
    moved = answers(objective, tuple(p + m for p, m in zip(old, moves, strict=True)), x)
    moved = moved - answers(objective, old, x)
    flat = torch.cat([move.flatten(1) for move in moves], dim=1)
    linear = (objective.real_seen @ flat[:, :, None])[:, :, 0]
    torch.testing.assert_close(linear, moved, rtol=1e-3, atol=1e-8)


def test_the_kernel_of_the_last_layer_is_that_of_features(objective: TangentRidge) -> None:
    features = objective.trainer(objective.networks, objective.seen)[0]
    last = features.shape[2] * 10 + 10  # weights and biases of the head come last
    tangents = objective.real_seen[:, :, -last:]
    kernel = tangents @ tangents.transpose(1, 2)
    torch.testing.assert_close(kernel, features @ features.transpose(1, 2) + 1)


def test_the_solution_has_the_implicit_gradient() -> None:
    """That of their paper, with the Hessian of the inner loss, against the solved equation."""
    rng = np.random.default_rng(0)
    images, real = (torch.from_numpy(rng.normal(size=(n, 5))) for n in (4, 7))
    labels, wanted = torch.eye(3).double()[[0, 1, 2, 0]] - 1 / 3, torch.eye(3).double()[[0] * 7]
    images.requires_grad_()
    strength = 0.1

    def tangents(x: Tensor) -> Tensor:
        return torch.cat([x, x.sin()], dim=1)

    def outer(weights: Tensor) -> Tensor:
        return outer_cross_entropy((tangents(real) @ weights)[None], wanted[None])

    def inner(weights: Tensor) -> Tensor:
        ours = tangents(images)
        ridge = strength * ours.square().sum(1).mean()
        return ((ours @ weights - labels).square().sum() + ridge * weights.square().sum()) / 2

    said = ridge_answers(tangents(images)[None], labels, tangents(real)[None], strength)
    (found,) = torch.autograd.grad(outer_cross_entropy(said, wanted[None]), images)
    hessian = torch.autograd.functional.hessian(inner, torch.zeros(10, 3).double())
    start = torch.zeros(10, 3).double().requires_grad_()
    (slope,) = torch.autograd.grad(inner(start), start)
    best = -torch.linalg.solve(hessian.reshape(30, 30), slope.flatten()).view(10, 3)
    best = best.detach().requires_grad_()
    (direct,) = torch.autograd.grad(outer(best), best)
    v = torch.linalg.solve(hessian.reshape(30, 30), direct.flatten()).view(10, 3)
    (slope,) = torch.autograd.grad(inner(best), best, create_graph=True)
    (implicit,) = torch.autograd.grad((slope * v).sum(), images)
    torch.testing.assert_close(found, -implicit, rtol=1e-8, atol=1e-12)


def test_kinks_and_their_options_are_refused(digits: Dataset) -> None:
    for changes, line in (
        ({"protocols": ("conv",), "width": None, "depth": None, "inner_steps": None}, "smooth"),
        ({"smooth": True}, "does not use it"),
        ({"bf16": True}, "does not use it"),
    ):
        with pytest.raises(UserError, match=line):
            Distiller(digits, replace(SMALL, **changes))
