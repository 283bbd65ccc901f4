"""Everything trains to the same on another device, and whatever PyTorch's default type is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reproduce import Candidate, Dataset, Fidelity, Oracle, Recipe, load, protocols
from reproduce.essay import draws
from reproduce.images.distortion import POLICIES, Distortion
from reproduce.training import evaluation, loop
from reproduce.transfer import heads
from reproduce.transfer.autoencoder import Autoencoder
from tests.second_device import SECOND, SecondDevice

SMALL = Recipe(model="convnet", width=4, depth=2, epochs=2, batch=4, reshuffle=True, lr=0.05)
ALL = Distortion(
    shift=2, rotate=20, scale=0.2, shear=0.2, elastic=34, stroke=0.7, jitter=0.1, mix=0.3
)
DISTORTED = replace(SMALL, augment="distort", distortion=ALL)
RECIPES = {
    "plain": SMALL,
    "cut once": replace(SMALL, reshuffle=False),
    "essay": Recipe(model="conv", epochs=2, schedule="essay"),
    "essay, shifted": Recipe(model="conv", epochs=2, shifts=1, reshuffle=True),
    "dc": replace(SMALL, augment="dc"),
    "upright": replace(SMALL, deskew=True),
    "distorted": DISTORTED,
    "distorted, cut once": replace(DISTORTED, reshuffle=False),
    "distorted essay": Recipe(model="conv", epochs=2, augment="distort", distortion=ALL),
    "resnet": replace(SMALL, model="resnet", norm="batch"),
    "mlp": replace(SMALL, model="mlp", optimiser="adam"),
    "lenet": Recipe(model="lenet", epochs=2, batch=4, reshuffle=True, augment="dc"),
    "ridge": replace(DISTORTED, loss="mse", ridge=1e-3),
    "head": replace(SMALL, loss="mse", head_steps=3, warmup=3, activation="softplus"),
    **{
        f"policy {policy}": replace(DISTORTED, distortion=Distortion(policy=policy))
        for policy in POLICIES
        if policy
    },
}


def trained(recipe: Recipe, candidate: Candidate, device: str) -> np.ndarray:
    """Probabilities that two networks give the set's own images."""
    labels = candidate.scores() if recipe.loss == "mse" else candidate.targets()
    for state in loop.train(recipe, [candidate.images] * 2, [labels] * 2, [3, 4], device):  # noqa: B007
        pass
    return evaluation.probabilities(state.model, recipe, candidate.images)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_on_another_device(ten: Candidate, name: str) -> None:
    recipe = RECIPES[name]
    expected = trained(recipe, ten, "cpu")
    with SecondDevice():
        found = trained(recipe, ten, SECOND)
    np.testing.assert_allclose(found, expected, atol=0.02)


@contextmanager
def float64() -> Iterator[None]:
    """As in the program of a caller who computes in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_under_another_default_type(ten: Candidate, name: str) -> None:
    expected = trained(RECIPES[name], ten, "cpu")
    with float64():
        found = trained(RECIPES[name], ten, "cpu")
        assert torch.get_default_dtype() == torch.float64
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_the_oracle_and_what_it_reads_are_the_same_under_another_default_type(
    digits: Dataset, ten: Candidate, tmp_path: Path
) -> None:
    """With one worker, in this process, and with two, which do not know the caller's default."""
    quick = Fidelity(images=50, epochs=1)
    asked = [draws.rmnist(digits, ipc) for ipc in (1, 2)]

    def scores(protocol: str, workers: int = 1) -> list[float]:
        oracle = Oracle(load("digits"), workers=workers)
        records = oracle.score_many(asked, protocol, [0], fidelity=quick)
        return [record["accuracy"] for record in records]

    def codes(folder: str) -> np.ndarray:
        return Autoencoder.train(ten.images, 4, folder=tmp_path / folder)(ten.images)

    def answers() -> np.ndarray:
        make = heads.HEADS["torch"]
        head = make(0).set_params(steps=3).fit(ten.images.reshape(10, -1), ten.labels)
        return head.predict_proba(ten.images.reshape(10, -1))

    names = "conv", "convnet+rotate=10", "ridge-convnet"
    expected = [*map(scores, names), codes("a"), answers()]
    with float64():
        found = [*map(scores, names), codes("b"), answers()]
        assert scores("conv", workers=2) == expected[0]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("protocol", ["best", "conv+rotate=10&knn", "convnet", "ridge-conv"])
def test_the_oracle_scores_on_another_device(
    digits: Dataset, ten: Candidate, protocol: str
) -> None:
    quick = Fidelity(images=50, epochs=1)
    (here,) = Oracle(digits, workers=1).score(ten, protocol, [0], fidelity=quick)
    with SecondDevice():
        oracle = Oracle(digits, workers=1, device=SECOND)
        (there,) = oracle.score(ten, protocol, [0], fidelity=quick)
    assert abs(here["accuracy"] - there["accuracy"]) <= 4  # two images of fifty


def test_all_protocols_that_train_are_among_the_recipes_here(ten: Candidate) -> None:
    plans = [protocols.recipe(name, ten) for name in protocols.names() if name != "own"]
    augments = {plan.augment for plan in plans if isinstance(plan, Recipe)}
    assert augments <= {recipe.augment for recipe in RECIPES.values()}


def test_the_second_device_refuses_what_a_gpu_refuses() -> None:
    with SecondDevice():
        there = torch.ones(3, device=SECOND)
        for meets in (
            lambda: there + torch.ones(3),
            lambda: torch.stack([there, torch.ones(3)]),
            lambda: torch.where(there > 0, there, torch.ones(3)),
            lambda: torch.rand(3, device=SECOND, generator=torch.Generator()),
        ):
            with pytest.raises(RuntimeError, match="device"):
                meets()
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        assert torch.equal((there + torch.ones(())).cpu(), torch.full((3,), 2.0))
        assert torch.equal(there[torch.tensor([0, 2])].cpu(), torch.ones(2))
