"""The compiled blocks against PyTorch's operations."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.registry import CPUDispatcher

from reproduce.networks.essay_net import (
    blocks,
    classifier,
    inner_gradients,
    outer_gradients,
    second_order,
)
from reproduce.networks.layers import Conv
from reproduce.networks.models import build
from reproduce.recipe import Recipe

sides = st.integers(16, 29)


@settings(max_examples=20, deadline=None)
@given(sides, sides, st.integers(1, 3), st.integers(1, 70), st.sampled_from([2, 10]))
def test_features_are_those_of_the_operations(
    height: int, width: int, nets: int, count: int, outputs: int
) -> None:
    generator = torch.Generator().manual_seed(height * width + count)
    x = torch.rand(count, 1, height, width, generator=generator)
    layers = Conv(nets, 1, outputs, 5), Conv(nets, outputs, 4, 5)
    for layer in layers:
        for parameter in layer.parameters():
            parameter.data.uniform_(-1, 1, generator=generator)
    ours = blocks.evaluate(x, *layers)
    for net in range(nets):
        seen = x
        for layer in layers:
            seen = F.relu(F.max_pool2d(F.conv2d(seen, layer.weight[net], layer.bias[net]), 2))
        torch.testing.assert_close(ours[net], seen.detach().flatten(1), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_an_image_has_the_same_logits_in_any_company() -> None:
    model = build(Recipe(model="conv"), (28, 28), 10, [0, 1])
    x = torch.rand(1, 2 * blocks.BATCH + 3, 1, 28, 28)
    features = model.maps(model.prepare(x))
    parts = [model.maps(model.prepare(part)) for part in x.tensor_split([5, 21], 1)]
    assert torch.equal(features, torch.cat(parts, 1))


def test_evaluation_answers_as_training_does_and_nan_stays_nan() -> None:
    model = build(Recipe(model="conv"), (28, 28), 10, [3, 4])
    x = torch.rand(1, 9, 1, 28, 28)
    trained = model(x)
    with torch.no_grad():
        torch.testing.assert_close(model(x), trained, rtol=1e-4, atol=1e-5)
        x[0, 2, 0, 14, 14] = torch.nan
        broken = model(x).isnan().any(-1)
    assert broken[:, 2].all()
    assert not broken[:, :2].any()


@torch.no_grad()
def test_images_that_are_too_wide_are_left_to_pytorch() -> None:
    model = build(Recipe(model="conv"), (20, 40), 10, [0])
    assert not blocks.fit(model.prepare(torch.rand(1, 2, 1, 20, 40)))
    assert model(torch.rand(1, 2, 1, 20, 40)).shape == (1, 2, 10)


def test_compiled_functions_and_constants_are_of_their_own_file() -> None:
    """numba's cache on disk would not notice a change in another file."""
    modules = (blocks, classifier, inner_gradients, outer_gradients, second_order)
    for module in modules:
        compiled = [f for f in vars(module).values() if isinstance(f, CPUDispatcher)]
        assert compiled
        assert {f.py_func.__module__ for f in compiled} == {module.__name__}
    values: dict[str, set[object]] = {}
    for name, value in ((n, v) for module in modules for n, v in vars(module).items()):
        if name.isupper() and isinstance(value, int):
            values.setdefault(name, set()).add(value)
    assert {"BATCH", "SIDE", "DEAD", "HALF", "LINE", "CHUNK", "ROW", "WINDOW"} <= values.keys()
    assert all(len(different) == 1 for different in values.values()), values
