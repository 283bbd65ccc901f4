"""The compiled blocks against PyTorch's operations."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from reproduce.networks.essay_net import compiled
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
    blocks = [Conv(nets, 1, outputs, 5), Conv(nets, outputs, 4, 5)]
    for block in blocks:
        for parameter in block.parameters():
            parameter.data.uniform_(-1, 1, generator=generator)
    ours = compiled.features(x, blocks)
    for net in range(nets):
        seen = x
        for block in blocks:
            seen = F.relu(F.max_pool2d(F.conv2d(seen, block.weight[net], block.bias[net]), 2))
        torch.testing.assert_close(ours[net], seen.detach().flatten(1), rtol=1e-4, atol=1e-4)


def test_an_image_has_the_same_features_in_any_company() -> None:
    model = build(Recipe(model="conv"), (28, 28), 10, [0, 1])
    x = torch.rand(2 * compiled.LANES + 3, 1, 28, 28)
    blocks = [model.conv1, model.conv2]
    whole = compiled.features(x, blocks)
    parts = torch.cat([compiled.features(part, blocks) for part in (x[:5], x[5:40], x[40:])], 1)
    assert torch.equal(whole, parts)


def test_evaluation_answers_as_training_does_and_nan_stays_nan() -> None:
    model = build(Recipe(model="conv"), (28, 28), 10, [3, 4])
    x = torch.rand(9, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(model.evaluate(x), model(x[None]), rtol=1e-4, atol=1e-5)
        x[2, 0, 14, 14] = torch.nan
        broken = model.evaluate(x).isnan().any(-1)
    assert broken[:, 2].all()
    assert not broken[:, :2].any()
