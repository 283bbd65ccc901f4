"""The compiled step against autograd and PyTorch's SGD."""

from dataclasses import replace

import pytest
import torch

from reproduce.networks.essay_net import fused
from reproduce.networks.models import EssayNet, build
from reproduce.recipe import Recipe
from reproduce.training.losses import cross_entropy

RECIPE = Recipe(model="conv")


def problem(
    seeds: list[int], count: int, shape: tuple[int, int] = (28, 28)
) -> tuple[EssayNet, torch.Tensor, torch.Tensor, torch.Tensor]:
    model = build(RECIPE, shape, 7, seeds)
    assert isinstance(model, EssayNet)
    parts = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(count, 1, *shape, generator=generator)
        y = torch.rand(count, 7, generator=generator).softmax(-1)
        parts.append((x, y, torch.rand(count, model.noise, generator=generator)))
    return model, *(torch.stack(part) for part in zip(*parts, strict=True))


@pytest.mark.parametrize(
    ("count", "shape"), [(10, (28, 28)), (3, (20, 23)), (10, (17, 32)), (1, (16, 16))]
)
def test_a_step_is_autograds(count: int, shape: tuple[int, int]) -> None:
    """In float64 by autograd: what is left is the rounding of one compiled step."""
    ours, x, y, noise = problem([0, 1, 2], count, shape)
    theirs, start = (problem([0, 1, 2], count, shape)[0].double() for _ in range(2))
    answers = theirs.answer(theirs.prepare(x.double()), noise.double())
    cross_entropy(answers, y.double()).sum().backward()
    torch.optim.SGD(theirs.parameters(), lr=0.5).step()
    fused.step(ours, x, y, noise, 0.5)
    for mine, other, before in zip(
        ours.parameters(), theirs.parameters(), start.parameters(), strict=True
    ):
        step = (other - before).norm()
        assert step > 0
        assert (mine - other).norm() < 1e-4 * step


def test_a_network_takes_the_same_step_in_any_stack() -> None:
    together, *data = problem([5, 6, 7], 10)
    fused.step(together, *data, 0.1)
    alone, *own = problem([6], 10)
    fused.step(alone, *own, 0.1)
    for many, one in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(many[1], one[0])


def test_what_is_not_finite_stays_so() -> None:
    model, x, y, noise = problem([0, 1], 10)
    x[0, 3, 0, 14, 14] = torch.nan
    fused.step(model, x, y, noise, 0.1)
    assert model.linear2.weight[0].isnan().any()
    assert not model.linear2.weight[1].isnan().any()


def test_other_recipes_are_left_to_autograd() -> None:
    model = build(RECIPE, (28, 28), 10, [0])
    assert fused.fits(RECIPE, model, 28)
    others = {"momentum": 0.9, "weight_decay": 1e-4, "optimiser": "adam", "loss": "mse"}
    for name, value in {**others, "batch": 11}.items():
        assert not fused.fits(replace(RECIPE, **{name: value}), model, 28)
    assert not fused.fits(RECIPE, model, 33)
    assert not fused.fits(RECIPE, model.double(), 28)
    small = replace(RECIPE, model="convnet", width=4)
    assert not fused.fits(small, build(small, (28, 28), 10, [0]), 28)
