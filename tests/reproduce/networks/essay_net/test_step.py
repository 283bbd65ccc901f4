"""The compiled step against the reference in plain PyTorch."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reproduce.networks.essay_net.reference import ReferenceNet, train_step
from reproduce.networks.essay_net.step import fits, step
from reproduce.networks.models import EssayNet, build
from reproduce.recipe import Recipe

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
def test_a_step_is_that_of_the_reference(count: int, shape: tuple[int, int]) -> None:
    """The reference computes in float64, so the rounding of one compiled step is what is left."""
    ours, x, y, noise = problem([0, 1, 2], count, shape)
    references = [ReferenceNet(7, shape).double() for _ in range(3)]
    for k, net in enumerate(references):
        for mine, parameter in zip(ours.parameters(), net.parameters(), strict=True):
            parameter.data.copy_(mine[k])
    starts = [[p.clone() for p in net.parameters()] for net in references]
    step(ours, x, y, noise, 0.5)
    for k, net in enumerate(references):
        train_step(net, x[k].double(), y[k].double(), noise[k].double(), 0.5)
        for mine, other, before in zip(ours.parameters(), net.parameters(), starts[k], strict=True):
            moved = (other - before).norm()
            assert moved > 0
            assert (mine[k] - other).norm() < 1e-4 * moved


def test_a_network_takes_the_same_step_in_any_stack() -> None:
    together, *data = problem([5, 6, 7], 10)
    step(together, *data, 0.1)
    alone, *own = problem([6], 10)
    step(alone, *own, 0.1)
    for many, one in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(many[1], one[0])


def test_what_is_not_finite_stays_so() -> None:
    model, x, y, noise = problem([0, 1], 10)
    x[0, 3, 0, 14, 14] = torch.nan
    step(model, x, y, noise, 0.1)
    assert model.linear2.weight[0].isnan().any()
    assert not model.linear2.weight[1].isnan().any()


def test_other_recipes_are_left_to_autograd() -> None:
    model = build(RECIPE, (28, 28), 10, [0])
    assert fits(RECIPE, model, 28)
    others = {"momentum": 0.9, "weight_decay": 1e-4, "optimiser": "adam", "loss": "mse"}
    for name, value in {**others, "batch": 11}.items():
        assert not fits(replace(RECIPE, **{name: value}), model, 28)
    assert not fits(RECIPE, model, 33)
    assert not fits(RECIPE, model.double(), 28)
    small = replace(RECIPE, model="convnet", width=4)
    assert not fits(small, build(small, (28, 28), 10, [0]), 28)


COMPILED = """
import hashlib
import torch
from reproduce.networks.essay_net.step import step
from reproduce.networks.models import build
from reproduce.recipe import Recipe
model = build(Recipe(model="conv"), (28, 28), 10, [0, 1])
random = torch.Generator().manual_seed(0)
x = torch.randn(2, 10, 1, 28, 28, generator=random)
y = torch.rand(2, 10, 10, generator=random).softmax(-1)
for _ in range(3):
    step(model, x, y, torch.rand(2, 10, 70, generator=random), 0.1)
with torch.no_grad():
    found = [*model.parameters(), model(x)]
print(hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in found)).hexdigest())
"""


EVERY_SHAPE = """
import torch
from reproduce.networks.essay_net.curvature import Descent
from reproduce.networks.models import EssayNet
for height, width in ((16, 16), (17, 32), (28, 28), (29, 31), (32, 32)):
    net = EssayNet(1, (height, width), 10)
    net.initialise([0])
    x, y = torch.randn(1, 7, 1, height, width), torch.rand(1, 7, 10)
    given = [x, y, torch.rand(1, 7, 70), torch.tensor(0.1), *net.parameters()]
    sum(new.sum() for new in Descent.apply(*given)).backward()
    with torch.no_grad():
        print(net(x).shape)
"""


def run(code: str, **changes: str) -> bytes:
    """What a new process prints, of one thread, that compiles into a folder of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **changes}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def test_code_from_the_cache_computes_the_same_bits_as_new_code(tmp_path: Path) -> None:
    """Compilers may round one product or another of a sum, in new code other than in cached."""
    said = [run(COMPILED, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert said[0] == said[1] != b""


def test_no_loop_reaches_beyond_its_arrays(tmp_path: Path) -> None:
    said = run(EVERY_SHAPE, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_BOUNDSCHECK="1")
    assert said.count(b"[1, 7, 10]") == 5
