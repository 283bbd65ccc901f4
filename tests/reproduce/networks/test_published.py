"""The networks of Dataset Condensation's Table 2 equal plain PyTorch networks, one by one."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reproduce import Candidate, Recipe, UserError
from reproduce.networks.models import build
from reproduce.recipe import PUBLISHED
from reproduce.training import cost, loop
from tests.reproduce.networks.test_models import with_parameters

PARAMETERS = {"lenet": 61_706, "alexnet": 1_865_802, "vgg11": 9_229_962, "resnet18": 11_172_810}


def lenet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def alexnet() -> nn.Module:
    pooled = nn.MaxPool2d(2)
    return nn.Sequential(
        *(nn.Conv2d(1, 128, 5, padding=4), nn.ReLU(), pooled),
        *(nn.Conv2d(128, 192, 5, padding=2), nn.ReLU(), pooled),
        *(nn.Conv2d(192, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 192, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(192, 192, 3, padding=1), nn.ReLU(), pooled),
        *(nn.Flatten(), nn.Linear(192 * 16, 10)),
    )


def vgg11(norm: Callable[[int], nn.Module]) -> nn.Module:
    layers: list[nn.Module] = []
    sizes = [1, 64, 128, 256, 256, 512, 512, 512, 512]
    for number, (inputs, width) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.Conv2d(inputs, width, 3, padding=1 if number else 3), norm(width), nn.ReLU()]
        if number in (0, 1, 3, 5, 7):
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


class BasicBlock(nn.Module):
    def __init__(
        self, inputs: int, width: int, stride: int, norm: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        self.first, self.norm1 = nn.Conv2d(inputs, width, 3, stride, 1), norm(width)
        self.second, self.norm2 = nn.Conv2d(width, width, 3, 1, 1), norm(width)
        self.short = nn.Sequential()
        if inputs != width:
            self.short = nn.Sequential(nn.Conv2d(inputs, width, 1, stride), norm(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = F.relu(self.norm1(self.first(x)))
        return F.relu(self.norm2(self.second(inside)) + self.short(x))


def resnet18(norm: Callable[[int], nn.Module]) -> nn.Module:
    blocks = [
        *(BasicBlock(64, 64, 1, norm), BasicBlock(64, 64, 1, norm)),
        *(BasicBlock(64, 128, 2, norm), BasicBlock(128, 128, 1, norm)),
        *(BasicBlock(128, 256, 2, norm), BasicBlock(256, 256, 1, norm)),
        *(BasicBlock(256, 512, 2, norm), BasicBlock(512, 512, 1, norm)),
    ]
    stem = [nn.Conv2d(1, 64, 3, padding=1), norm(64), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, 10))


def instance(width: int) -> nn.Module:
    """As the paper's code writes it."""
    return nn.GroupNorm(width, width)


PLAIN = {
    "lenet": (Recipe(model="lenet"), lenet),
    "alexnet": (Recipe(model="alexnet"), alexnet),
    "vgg11": (Recipe(model="vgg11"), lambda: vgg11(instance)),
    "vgg11-batch": (Recipe(model="vgg11", norm="batch"), lambda: vgg11(nn.BatchNorm2d)),
    "resnet18": (Recipe(model="resnet18"), lambda: resnet18(instance)),
    "resnet18-batch": (Recipe(model="resnet18", norm="batch"), lambda: resnet18(nn.BatchNorm2d)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_stack_equals_plain_networks(name: str) -> None:
    """Answers and gradients in training, and answers after it."""
    recipe, plain = PLAIN[name]
    stack = build(recipe, (28, 28), 10, [3, 4]).double()
    x = torch.rand(2, 3, 1, 28, 28, dtype=torch.float64)
    nets = [with_parameters(plain(), stack, k).double() for k in range(2)]
    out = stack(x)
    (out**2).sum().backward()
    for k, net in enumerate(nets):
        expected = net(x[k])
        torch.testing.assert_close(out[k], expected, rtol=1e-8, atol=1e-8)
        (expected**2).sum().backward()
        for mine, theirs in zip(stack.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(mine.grad[k], theirs.grad, rtol=1e-6, atol=1e-8)
    after = stack.eval()(x)
    for k, net in enumerate(nets):
        torch.testing.assert_close(after[k], net.eval()(x[k]), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("model", [*PUBLISHED, "resnet"])
def test_result_does_not_depend_on_the_rest_of_the_stack(ten: Candidate, model: str) -> None:
    """To the last bit."""
    recipe = Recipe(model=model, epochs=2, batch=4, lr=0.01, momentum=0.9)
    if model == "resnet":
        recipe = replace(recipe, width=32, norm="batch")
    images, labels = ten.images[:4], ten.targets()[:4]
    other = np.ascontiguousarray(images[::-1])

    def run(sets: list[np.ndarray], seeds: list[int]) -> list[np.ndarray]:
        for state in loop.train(recipe, sets, [labels] * len(sets), seeds):  # noqa: B007
            pass
        return [p.detach().numpy() for p in state.model.parameters()]

    alone, beside = run([images], [5]), run([other, images, other], [4, 5, 6])
    for mine, theirs in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(mine[0], theirs[1])


@pytest.mark.parametrize("model", PUBLISHED)
def test_sizes_are_the_papers_and_the_cost_knows_them(model: str) -> None:
    recipe = Recipe(model=model)
    parameters = sum(p.numel() for p in build(recipe, (28, 28), 10, [0]).parameters())
    biases = 4_800 if model == "resnet18" else 0  # of convolutions, which the paper's lack
    assert parameters == PARAMETERS[model] + biases
    assert cost.FIXED[model][1] == pytest.approx(parameters, rel=0.03)
    asked = cost.replicate_bytes(recipe, 10, (28, 28), 10)
    assert asked > 4 * 4 * parameters
    deeper = cost.replicate_bytes(replace(recipe, batch=5), 10, (28, 28), 10)
    assert deeper < asked


@pytest.mark.parametrize(("model", "side"), [("lenet", 8), ("alexnet", 7), ("vgg11", 27)])
def test_small_images_are_refused(model: str, side: int) -> None:
    with pytest.raises(UserError, match=f"too small for {model}"):
        build(Recipe(model=model), (side, side), 10, [0])


@pytest.mark.parametrize(("model", "field"), [("lenet", "norm"), ("vgg11", "width")])
def test_what_a_network_of_one_size_does_not_have_is_refused(model: str, field: str) -> None:
    with pytest.raises(UserError, match=f"recipe: {field} is"):
        Recipe(model=model, **{field: "batch" if field == "norm" else 64})  # type: ignore[arg-type]


@pytest.mark.parametrize("model", PUBLISHED)
def test_other_image_sizes(model: str) -> None:
    assert build(Recipe(model=model), (32, 36), 3, [0, 1])(torch.rand(1, 2, 1, 32, 36)).shape == (
        2,
        2,
        3,
    )
