"""A stack equals plain PyTorch networks, one by one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from reproduce import Recipe, UserError
from reproduce.networks import models
from reproduce.networks.essay_net.reference import ReferenceNet
from reproduce.networks.layers import BatchNorm
from reproduce.networks.models import build
from reproduce.networks.stack import Stack

CONV = Recipe(model="conv")
CONVNET = Recipe(model="convnet", width=6)


def plain_essay_net(stack: Stack, k: int) -> nn.Module:
    """The reference with network k's parameters."""
    return with_parameters(ReferenceNet(), stack, k)


def plain_convnet(stack: Stack, k: int) -> nn.Module:
    """ConvNet-3 as the field writes it: GroupNorm with as many groups as channels."""
    blocks: list[nn.Module] = []
    for inputs, padding in ((1, 3), (6, 1), (6, 1)):
        blocks += [nn.Conv2d(inputs, 6, 3, padding=padding), nn.GroupNorm(6, 6), nn.ReLU()]
        blocks.append(nn.AvgPool2d(2))
    return with_parameters(nn.Sequential(*blocks, nn.Flatten(), nn.Linear(96, 10)), stack, k)


def norm_of(recipe: Recipe) -> nn.Module:
    return {"batch": nn.BatchNorm2d(6), "group": nn.GroupNorm(1, 6), "none": nn.Identity()}[
        recipe.norm
    ]


def plain_variant(recipe: Recipe):
    """The ConvNet, a residual net and an MLP with other norms, from PyTorch's own layers."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first, second = nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
            self.body = nn.Sequential(
                norm_of(recipe), nn.ReLU(), first, norm_of(recipe), nn.ReLU(), second
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.avg_pool2d(x + self.body(x), 2)

    if recipe.model == "mlp":
        hidden = [nn.Linear(784, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU()]
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(6, 10))
    if recipe.model == "resnet":
        stem = nn.Conv2d(1, 6, 3, padding=1)
        ends = [nn.ReLU(), nn.Flatten(), nn.Linear(6 * 49, 10)]
        return nn.Sequential(stem, Residual(), Residual(), *ends)
    convolve = [nn.Conv2d(1, 6, 3, padding=3), norm_of(recipe), nn.ReLU()]
    block = [*convolve, nn.AvgPool2d(2)]
    return nn.Sequential(*block, nn.Flatten(), nn.Linear(6 * 256, 10))


VARIANTS = {
    "mlp": Recipe(model="mlp", width=6, depth=2),
    "resnet": Recipe(model="resnet", width=6, depth=2, norm="none"),
    "resnet-batch": Recipe(model="resnet", width=6, depth=2, norm="batch"),
    "batch": Recipe(model="convnet", width=6, depth=1, norm="batch"),
    "group": Recipe(model="convnet", width=6, depth=1, norm="group"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_equal_plain_networks(name: str) -> None:
    """In training, and after it, where batch norm has means of its own."""
    recipe = VARIANTS[name]
    stack = build(recipe, (28, 28), 10, [3, 4]).double()
    x = torch.rand(2, 7, 1, 28, 28, dtype=torch.float64)
    plains = [with_parameters(plain_variant(recipe), stack, k).double() for k in range(2)]
    for training in (True, False):
        stack.train(training)
        out = stack(x)
        for k, net in enumerate(plains):
            net.train(training)
            torch.testing.assert_close(out[k], net(x[k]), rtol=1e-8, atol=1e-8)


def with_parameters(net: nn.Module, stack: Stack, k: int) -> nn.Module:
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), stack.parameters(), strict=True):
            assert mine.shape == theirs[k].shape
            mine.copy_(theirs[k])
    return net


@pytest.mark.parametrize(
    ("recipe", "plain"), [(CONV, plain_essay_net), (CONVNET, plain_convnet)], ids=["conv", "cnet"]
)
def test_stack_equals_plain_networks(recipe: Recipe, plain) -> None:
    stack = build(recipe, (28, 28), 10, [3, 4, 5]).double()
    x = torch.rand(3, 7, 1, 28, 28, dtype=torch.float64)
    out = stack(x)
    loss = (out**2).sum()
    loss.backward()
    for k in range(3):
        net = plain(stack, k).double()
        expected = net(x[k])
        torch.testing.assert_close(out[k], expected, rtol=1e-9, atol=1e-9)
        (expected**2).sum().backward()
        for mine, theirs in zip(stack.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(mine.grad[k], theirs.grad, rtol=1e-7, atol=1e-7)


def test_gradients_pass_through_the_running_means_of_batch_norm() -> None:
    """After training, too; and the answers are those without a graph."""
    norm = BatchNorm(2, 3).double()
    x, mean = torch.rand(4, 6, 3, 3).double(), torch.rand(6, dtype=torch.float64)
    variance = torch.rand(6, dtype=torch.float64) + 0.5

    def answers(mean: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        return functional_call(norm.eval(), {"mean": mean, "variance": variance}, (x,))

    expected = answers(mean, variance)
    norm.graph = True
    torch.testing.assert_close(answers(mean, variance), expected)
    torch.autograd.gradcheck(answers, (mean.requires_grad_(), variance.requires_grad_()))


@pytest.mark.parametrize("recipe", [CONV, CONVNET], ids=["conv", "convnet"])
def test_shared_images_give_the_same_as_copies(recipe: Recipe) -> None:
    stack = build(recipe, (28, 28), 10, [3, 4]).double()
    x = torch.rand(1, 5, 1, 28, 28, dtype=torch.float64)
    torch.testing.assert_close(stack(x), stack(x.expand(2, -1, -1, -1, -1)))


def test_images_in_parts_give_the_same_as_together(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = build(CONVNET, (28, 28), 10, [3, 4]).double().eval()
    x, seen = torch.rand(1, 7, 1, 28, 28, dtype=torch.float64), []
    expected = stack(x)
    stack.blocks.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    with torch.no_grad():
        for bytes_at_a_time, parts in (
            (2**30, [7]),
            (3 * 4 * 12 * 28 * 28, [4, 3]),
            (1, [3, 2, 2]),
        ):
            monkeypatch.setattr(models, "FIRST_MAPS", bytes_at_a_time)
            torch.testing.assert_close(stack(x), expected)
            assert seen == parts
            seen.clear()
        assert len(stack.train()(x)) == 2
        assert seen == [7]  # batch norm needs all of them


def test_initialisation_is_pytorchs_default_in_distribution() -> None:
    stack = build(CONV, (28, 28), 10, range(40))
    torch.manual_seed(0)
    for layer, plain in ((stack.conv2, nn.Conv2d(10, 20, 5)), (stack.linear1, nn.Linear(320, 50))):
        bound = plain.weight.abs().max()
        assert layer.weight.abs().max() <= bound * 1.01
        # A uniform distribution's standard deviation is its bound over the root of three.
        torch.testing.assert_close(layer.weight.std(), bound / 3**0.5, rtol=0.02, atol=0)
        torch.testing.assert_close(layer.bias.std(), bound / 3**0.5, rtol=0.1, atol=0)


def test_network_depends_on_its_seed_alone() -> None:
    one = build(CONV, (28, 28), 10, [7])
    many = build(CONV, (28, 28), 10, [1, 7, 2])
    state = torch.random.get_rng_state()
    for mine, theirs in zip(one.parameters(), many.parameters(), strict=True):
        assert torch.equal(mine[0], theirs[1])
        assert not torch.equal(theirs[0], theirs[1]) or mine.numel() == 1
    assert torch.equal(state, torch.random.get_rng_state())


def test_dropout_drops_whole_maps_and_single_units() -> None:
    stack = build(CONV, (28, 28), 10, [0])
    x = torch.rand(1, 4, 1, 28, 28)
    kept = torch.zeros(1, 4, 70)  # all below one half: everything is kept, and doubled
    doubled = stack(x, kept)
    maps = F.relu(F.max_pool2d(stack.conv1(stack.fold(x)), 2))
    features = F.relu(F.max_pool2d(stack.conv2(maps) * 2, 2)).flatten(1)[None]
    torch.testing.assert_close(doubled, stack.linear2(F.relu(stack.linear1(features)) * 2))
    dropped = stack(x, torch.ones(1, 4, 70))
    torch.testing.assert_close(dropped, stack.linear2.bias[:, None].expand(1, 4, 10))


def test_other_image_sizes() -> None:
    assert build(CONV, (32, 20), 3, [0])(torch.rand(1, 2, 1, 32, 20)).shape == (1, 2, 3)
    assert build(CONVNET, (8, 8), 3, [0])(torch.rand(1, 2, 1, 8, 8)).shape == (1, 2, 3)
    for recipe, side in ((CONV, 12), (CONVNET, 4)):
        with pytest.raises(UserError, match="too small"):
            build(recipe, (side, side), 10, [0])
