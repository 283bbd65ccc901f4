"""The oracle's optimiser takes the steps of PyTorch's own, bit for bit, and can be restored."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reproduce.recipe import Recipe
from reproduce.training.optimiser import Optimiser

SGD, PLAIN = Recipe(model="conv", momentum=0.9), Recipe(model="conv", momentum=0)
ADAM = Recipe(model="conv", optimiser="adam", momentum=0)
recipes = st.builds(
    lambda recipe, decay: replace(recipe, weight_decay=decay),
    st.sampled_from([SGD, PLAIN, ADAM]),
    st.sampled_from([0.0, 1e-2]),
)


def theirs(recipe: Recipe, parameters: list[Tensor]) -> torch.optim.Optimizer:
    """The same optimiser as PyTorch has it."""
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters, lr=1.0, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )


def parameters() -> list[Tensor]:
    """Two that a loss uses, and one that it leaves without a gradient."""
    drawn = torch.Generator().manual_seed(0)
    return [torch.randn(4, 3, generator=drawn).requires_grad_() for _ in range(3)]


def set_gradients(of: list[Tensor], step: int) -> None:
    drawn = torch.Generator().manual_seed(step)
    for parameter in of[:2]:
        parameter.grad = torch.randn(4, 3, generator=drawn)


@settings(deadline=None)
@given(recipe=recipes, rates=st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=5))
def test_steps_are_those_of_pytorch(recipe: Recipe, rates: list[float]) -> None:
    mine, expected = parameters(), parameters()
    optimiser, reference = Optimiser(recipe, mine), theirs(recipe, expected)
    for step, rate in enumerate(rates):
        set_gradients(mine, step)
        set_gradients(expected, step)
        reference.param_groups[0]["lr"] = rate
        optimiser.step(rate)
        reference.step()
        assert all(map(torch.equal, mine, expected))


@settings(deadline=None)
@given(recipe=recipes)
def test_a_restored_optimiser_goes_on_and_one_that_forgets_begins_again(recipe: Recipe) -> None:
    through, stopped, anew = parameters(), parameters(), parameters()
    first, second, third = (Optimiser(recipe, p) for p in (through, stopped, anew))
    for optimiser in (first, second):
        set_gradients(optimiser.parameters, 0)
        optimiser.step(0.1)
    later = Optimiser(recipe, stopped)
    later.restore([[m.clone() for m in each] for each in second.moments])
    for optimiser in (first, later):
        set_gradients(optimiser.parameters, 1)
        optimiser.step(0.1)
    assert all(map(torch.equal, through, stopped))
    set_gradients(anew, 0)
    third.step(0.0)
    third.forget()
    assert third.moments == Optimiser(recipe, anew).moments


@pytest.mark.parametrize("recipe", [SGD, ADAM], ids=["sgd", "adam"])
def test_moments_of_other_parameters_are_refused(recipe: Recipe) -> None:
    good = Optimiser(recipe, parameters())
    set_gradients(good.parameters, 0)
    good.step(0.1)
    fewer, other = good.moments[:2], [[m[:2] for m in each[:2]] for each in good.moments]
    more = [[*each, torch.zeros(())] for each in good.moments]
    for moments in (fewer, other, more):
        with pytest.raises(ValueError, match=r"moments|shorter"):
            Optimiser(recipe, parameters()).restore(moments)


def test_a_training_loads_no_compiler() -> None:
    """It is a second and over 100 MiB of every worker."""
    code = (
        "import sys, numpy as np\n"
        "from reproduce.recipe import Recipe\n"
        "from reproduce.training import evaluation, loop\n"
        "images, targets = np.ones((10, 1, 28, 28), np.float32), np.eye(10, dtype=np.float32)\n"
        "for model in 'conv', 'convnet':\n"
        "    recipe = Recipe(model=model, epochs=1)\n"
        "    *_, state = loop.train(recipe, [images], [targets], [0])\n"
        "    evaluation.predict(state.model, recipe, images)\n"
        "print(sorted({'torch._dynamo', 'torch._inductor', 'sympy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout.strip() == "[]"
