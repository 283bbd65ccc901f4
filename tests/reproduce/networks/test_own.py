"""A user's `torch.nn.Module` as a stack: the same answers, equal seeds, and errors of one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reproduce import Candidate, Recipe, UserError
from reproduce.networks import own
from reproduce.networks.models import build
from reproduce.networks.own import Own
from reproduce.training import cost, evaluation, loop

MODULE = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self, image_shape, classes):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 5, stride=2), nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        height, width = ((side - 5) // 2 + 1 for side in image_shape)
        self.head = nn.Linear(4 * height * width, classes)

    def forward(self, x):
        return self.head(self.drop(torch.relu(self.norm(self.conv(x)))).flatten(1))


class Ends(Small):
    def forward(self, x):
        return super().forward(x).log_softmax(1)


class Few(Small):
    def forward(self, x):
        return super().forward(x)[:, :3]


class Pair(Small):
    def forward(self, x):
        return super().forward(x), 1


class Fails(Small):
    def forward(self, x):
        return self.nothing(x)


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()


number = 3
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The module of networks, in the working folder."""
    name = f"nets_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def recipe_of(nets: str, kind: str = "Small") -> Recipe:
    return Recipe(model=f"{nets}:{kind}", epochs=3, batch=4, lr=0.05, momentum=0.9)


def test_a_stack_equals_the_users_networks(nets: str) -> None:
    recipe = recipe_of(nets)
    stack = build(recipe, (28, 28), 10, [3, 4])
    assert isinstance(stack, Own)
    x = torch.rand(2, 5, 1, 28, 28)
    out, after, features = stack(x), stack.eval()(x), stack.features(stack.prepare(x))
    assert all(p.shape[0] == 2 for p in [*stack.parameters(), *stack.buffers()])
    for k in range(2):
        net = own.made(recipe.model, (28, 28), 10, seed=own.seeded(3 + k, "init").initial_seed())
        with own.own_random_numbers(0, x.device):
            expected = net.train()(x[k])
        assert torch.equal(out[k], expected)
        assert torch.equal(after[k], net.eval()(x[k]))  # running means moved alike
        assert torch.equal(net.head(features[k]), after[k])
        assert torch.equal(stack.head.weight[k], net.head.weight)
    assert torch.equal(stack.head(features), after) or torch.allclose(stack.head(features), after)


def test_result_does_not_depend_on_the_rest_of_the_stack(nets: str, ten: Candidate) -> None:
    """To the last bit, dropout included; and nothing outside of the network is seeded."""
    recipe, labels = recipe_of(nets), ten.targets()
    other = np.ascontiguousarray(ten.images[::-1])

    def run(images: list[np.ndarray], seeds: list[int]) -> torch.Tensor:
        for state in loop.train(recipe, images, [labels] * len(seeds), seeds):  # noqa: B007
            pass
        return torch.from_numpy(evaluation.probabilities(state.model, recipe, ten.images))

    before = torch.random.get_rng_state()
    alone, beside = run([ten.images], [5]), run([other, ten.images], [4, 5])
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(alone[0], beside[1])
    assert not torch.equal(alone[0], run([ten.images], [6])[0])


def test_networks_are_the_same_whatever_pytorchs_default_type(nets: str) -> None:
    expected = build(recipe_of(nets), (28, 28), 10, [3])
    torch.set_default_dtype(torch.float64)
    try:
        found = build(recipe_of(nets), (28, 28), 10, [3])
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    for mine, theirs in zip(found.parameters(), expected.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_dropout_follows_the_noise(nets: str) -> None:
    stack = build(recipe_of(nets), (28, 28), 10, [3])
    x, noise = torch.rand(1, 5, 1, 28, 28), torch.full((1, 5, 1), 0.25)
    assert torch.equal(stack(x, noise), stack(x, noise))
    assert not torch.equal(stack(x, noise), stack(x, noise + 0.5))


def test_a_network_that_ends_in_something_else_has_no_features(nets: str, ten: Candidate) -> None:
    stack = build(recipe_of(nets, "Ends"), (28, 28), 10, [3])
    x = torch.rand(1, 2, 1, 28, 28)
    assert stack(x).shape == (1, 2, 10)
    with pytest.raises(UserError, match=r"does not end in an nn\.Linear"):
        stack.features(stack.prepare(x))
    solved = replace(recipe_of(nets), loss="mse", ridge=0.1)
    *_, state = loop.train(solved, [ten.images], [ten.scores()], [0])
    assert not state.model.head.bias.any()  # the solved last layer has none


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("Few", r"makes \(2, 3\) of images \(2, 1, 28, 28\); return logits of shape \(2, 10\)"),
        ("Pair", "makes tuple of images"),
        ("Fails", "failed: AttributeError"),
        ("Lazy", "failed: TypeError"),
        ("number", "give a class that inherits"),
        ("Nothing", "AttributeError"),
    ],
)
def test_what_a_network_does_wrong_is_one_line(nets: str, kind: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        build(recipe_of(nets, kind), (28, 28), 10, [0])
    assert "\n" not in str(caught.value)


def test_a_module_that_is_not_there_is_one_line() -> None:
    with pytest.raises(UserError, match="ModuleNotFoundError"):
        build(recipe_of("no_such_module"), (28, 28), 10, [0])


def test_the_cost_is_measured(nets: str) -> None:
    kept, weights = own.size(f"{nets}:Small", (28, 28), 10)
    assert weights == 4 * 25 + 4 + 8 + 5760 // 10 * 10 + 10
    assert kept >= 2 * 4 * 144  # the convolution's maps, and those that are normalised
    more = cost.replicate_bytes(replace(recipe_of(nets), batch=8), 10, (28, 28), 10)
    assert more > cost.replicate_bytes(recipe_of(nets), 10, (28, 28), 10)


def test_fields_of_the_projects_networks_are_refused(nets: str) -> None:
    for field, value in {"width": 64, "norm": "batch", "activation": "softplus"}.items():
        with pytest.raises(UserError, match=f"recipe: {field} is"):
            replace(recipe_of(nets), **{field: value})  # type: ignore[arg-type]


def test_a_file_cannot_name_code(nets: str, ten: Candidate) -> None:
    values = recipe_of(nets).to_dict()
    with pytest.raises(UserError, match="a file cannot name code") as caught:
        Recipe.from_dict(values)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="goes into no file"):
        replace(ten, recipe=recipe_of(nets))
