"""What a candidate's own recipe may ask for, against plain PyTorch and in stacks."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from reproduce import Candidate, Dataset, Oracle, Recipe, UserError
from reproduce.networks.models import build
from reproduce.training import last_layer
from reproduce.training.evaluation import predict
from reproduce.training.last_layer import descended
from reproduce.training.loop import train
from reproduce.training.schedule import learning_rate

OWN = Recipe(
    model="convnet",
    mean=0.1307,
    std=0.3081,
    widths=(8, 16),
    depth=2,
    norm="none",
    optimiser="adam",
    loss="mse",
    lr=3e-3,
    epochs=8,
    batch=99,
    warmup=3,
    ridge=1e-4,
)


def scored(ten: Candidate) -> Candidate:
    """Ten images with labels that are scores."""
    noise = np.random.default_rng(0).normal(0, 0.1, (10, 10)).astype(np.float32)
    labels = ten.scores() + noise
    return replace(ten, labels=labels, label_scale="score", indices=None, recipe=OWN)


def trained(recipe: Recipe, sets: list[Candidate], seeds: list[int], dtype: type = np.float32):
    images = [candidate.images.astype(dtype) for candidate in sets]
    labels = [candidate.scores().astype(dtype) for candidate in sets]
    for state in train(recipe, images, labels, seeds):  # noqa: B007
        pass
    return state.model


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks in float64: what two ways of computing differ by is small on any processor."""
    monkeypatch.setattr("reproduce.training.loop.build", lambda *given: build(*given).double())


def test_adam_on_squared_error_equals_a_plain_loop(ten: Candidate, float64: None) -> None:
    ten = scored(ten)
    recipe = replace(OWN, ridge=None)
    ours = trained(recipe, [ten], [3], np.float64)
    start = build(recipe, (28, 28), 10, [3])
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=3),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(1024, 10),
    ).double()
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), start.parameters(), strict=True):
            mine.copy_(theirs[0])
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    x = (torch.tensor(ten.images, dtype=torch.float64) - 0.1307) / 0.3081
    y = torch.tensor(ten.labels, dtype=torch.float64)
    for step in range(8):
        optimiser.param_groups[0]["lr"] = 3e-3 * min(1, (step + 1) / 3)
        optimiser.zero_grad()
        ((net(x) - y) ** 2).sum(1).mean().backward()
        optimiser.step()
    for mine, theirs in zip(ours.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(mine[0], theirs, rtol=1e-6, atol=1e-8)


def test_the_last_layer_is_ridge_regression(ten: Candidate, float64: None) -> None:
    """Against the primal form."""
    ten = scored(ten)
    plain = trained(replace(OWN, ridge=None), [ten], [3], np.float64)
    solved = trained(OWN, [ten], [3], np.float64)
    x = ((torch.tensor(ten.images, dtype=torch.float64) - OWN.mean) / OWN.std)[None]
    phi = plain.features(plain.prepare(x))[0].detach()
    strength = 1e-4 * phi.square().sum(1).mean()
    gram = phi.T @ phi + strength * torch.eye(phi.shape[1], dtype=phi.dtype)
    expected = torch.linalg.solve(gram, phi.T @ torch.tensor(ten.labels).double())
    torch.testing.assert_close(solved.head.weight[0].T, expected, rtol=1e-6, atol=1e-8)
    assert not solved.head.bias.any()


def test_the_last_layer_descends_as_a_plain_loop_does(ten: Candidate, float64: None) -> None:
    ten = scored(ten)
    plain = trained(replace(OWN, ridge=None), [ten], [3], np.float64)
    ours = trained(replace(OWN, ridge=None, head_steps=20), [ten], [3], np.float64)
    x = (torch.tensor(ten.images, dtype=torch.float64) - OWN.mean) / OWN.std
    y = torch.tensor(ten.labels, dtype=torch.float64)
    phi = plain.features(plain.prepare(x[None]))[0].detach()
    weight = phi.new_zeros(phi.shape[1], 10, requires_grad=True)
    rate = 0.5 / float(phi.square().sum())  # the loss below has twice the gradient
    optimiser = torch.optim.SGD([weight], lr=rate, momentum=0.9)
    for _ in range(20):
        optimiser.zero_grad()
        (phi @ weight - y).square().sum().backward()
        optimiser.step()
    torch.testing.assert_close(ours.head.weight[0].T, weight.detach(), rtol=1e-6, atol=1e-9)
    assert not ours.head.bias.any()


def test_descent_of_the_last_layer_tends_to_ridge_regression() -> None:
    generator = torch.Generator().manual_seed(0)
    phi = torch.randn(2, 5, 40, generator=generator, dtype=torch.float64)
    y = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    solved = last_layer.ridge_weights(phi, y, 1e-12)
    torch.testing.assert_close(descended(phi, y, 2000), solved, rtol=1e-6, atol=1e-6)


def test_a_dead_network_is_said_to_be_one() -> None:
    with pytest.raises(UserError, match="all its features are zero"):
        last_layer.ridge_weights(torch.zeros(1, 3, 4).double(), torch.zeros(1, 3, 2).double(), 1e-4)
    with pytest.raises(UserError, match="all its features are zero"):
        descended(torch.zeros(1, 3, 4), torch.zeros(1, 3, 2), 9)


def test_larger_ridge_regressions_end_on_several_threads() -> None:
    """In a process of its own: what does not end must not hold up the tests."""
    code = (
        "import torch; from reproduce.training import last_layer; torch.set_num_threads(2)\n"
        "phi = torch.randn(2, 300, 400, dtype=torch.float64)\n"
        "y = torch.randn(2, 300, 3, dtype=torch.float64)\n"
        "assert torch.allclose(phi @ last_layer.ridge_weights(phi, y, 1e-12), y, atol=1e-6)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_ridge_weights_reach_the_targets_without_ridge() -> None:
    generator = torch.Generator().manual_seed(0)
    phi = torch.randn(2, 5, 9, generator=generator, dtype=torch.float64)
    y = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        phi @ last_layer.ridge_weights(phi, y, 1e-12), y, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    "changes", [{}, {"ridge": None}, {"ridge": None, "head_steps": 9}, {"norm": "instance"}]
)
def test_own_recipes_do_not_depend_on_the_rest_of_the_stack(ten: Candidate, changes: dict) -> None:
    """To the last bit."""
    ten, recipe = scored(ten), replace(OWN, **changes)
    other = replace(ten, images=ten.images[::-1].copy())
    alone = trained(recipe, [ten], [5])
    beside = trained(recipe, [other, ten, other], [4, 5, 6])
    for mine, theirs in zip(alone.parameters(), beside.parameters(), strict=True):
        assert torch.equal(mine[0], theirs[1])


def test_own_replays_scores_as_labels(ten: Candidate, digits: Dataset) -> None:
    ten = scored(ten)
    model = trained(OWN, [ten], [0])
    guesses = predict(model, OWN, digits.validation.images)[0]
    (record,) = Oracle(digits, workers=1).score(ten, "own", [0])
    assert record["accuracy"] == pytest.approx(100 * (guesses == digits.validation.labels).mean())


def test_scores_of_hard_and_soft_labels_are_centred(ten: Candidate) -> None:
    assert np.allclose(ten.scores(), np.eye(10)[ten.labels] - 0.1)
    soft = replace(ten, labels=np.full((10, 10), 0.1), label_scale="probability", indices=None)
    assert np.allclose(soft.scores(), 0)
    assert np.array_equal(scored(ten).scores(), scored(ten).labels)


def test_a_known_init_is_the_same_for_all() -> None:
    stack = build(replace(OWN, known_init=7), (28, 28), 10, [0, 1])
    assert all(torch.equal(p[0], p[1]) for p in stack.parameters())
    fresh = build(OWN, (28, 28), 10, [7])
    assert torch.equal(fresh.blocks[0].weight[0], stack.blocks[0].weight[0])


def test_warm_up_rises_to_the_schedule() -> None:
    rates = [learning_rate(OWN, step + 1, step) / OWN.lr for step in range(5)]
    assert rates == pytest.approx([1 / 3, 2 / 3, 1, 1, 1])


def test_new_fields_change_no_key_and_survive_a_file(ten: Candidate, tmp_path) -> None:
    assert Recipe().key() == "{}"
    assert Recipe.from_dict(OWN.to_dict()) == OWN
    ten = scored(ten)
    loaded = Candidate.load(ten.save(tmp_path / "c.npz"))
    assert loaded == ten
    assert loaded.recipe == OWN


@pytest.mark.parametrize(
    "changes",
    [
        {"widths": (4,)},
        {"widths": (4, 0)},
        {"model": "conv", "depth": 2},
        {"ridge": 0.0},
        {"ridge": 1.0, "loss": "cross-entropy"},
        {"momentum": 0.9},
        {"warmup": -1},
        {"optimiser": "lamb"},
        {"activation": "gelu"},
    ],
)
def test_recipes_that_make_no_sense_are_refused(changes: dict) -> None:
    with pytest.raises(UserError, match="recipe"):
        replace(OWN, **changes)
