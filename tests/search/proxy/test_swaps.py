"""The proxy's update equals a solve, its climbs climb, and its kernel is of trained networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reproduce import Dataset, Recipe, protocols
from reproduce.essay import draws
from reproduce.images.deskew import deskew
from reproduce.networks.stack import Stack
from search.proxy import kernel
from search.proxy.kernel import ages_of, copies, trained_proxy
from search.proxy.swaps import Climb, Proxy


def random_proxy(seed: int, pool: int = 30, scoring: int = 40, classes: int = 4) -> Proxy:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(pool + scoring, 12)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Proxy(
        gram=features[:pool] @ features[:pool].T,
        cross=features[:pool] @ features[pool:].T,
        bounds=np.append(np.sort(rng.integers(scoring, size=classes)), scoring) * [0, 1, 1, 1, 1],
        classes=np.arange(pool) % classes,
        strength=0.5,
    )


def solved(proxy: Proxy, chosen: np.ndarray) -> float:
    """Accuracy by a plain solve in double precision."""
    gram = proxy.gram[np.ix_(chosen, chosen)].astype(float)
    weights = np.linalg.solve(gram + proxy.strength * np.eye(len(gram)), proxy.targets(chosen))
    answers = weights.T @ proxy.cross[chosen]
    labels = np.searchsorted(proxy.bounds, np.arange(answers.shape[1]), side="right") - 1
    return 100 * float((answers.argmax(0) == labels).mean())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 14))
def test_swaps_equal_plain_solves(seed: int, size: int) -> None:
    """Of sets with two images of each class or more: others leave classes without an answer."""
    proxy = random_proxy(seed)
    rng = np.random.default_rng(seed)
    chosen = np.append(np.arange(8), rng.choice(np.arange(8, 30), size - 8, replace=False))
    slot = int(rng.integers(size))
    others = np.setdiff1d(np.arange(30), np.delete(chosen, slot))
    expected = []
    for image in others:
        changed = chosen.copy()
        changed[slot] = image
        expected.append(solved(proxy, changed))
    one_image = 100 / proxy.cross.shape[1]
    off = np.abs(proxy.swaps(chosen, slot, others) - expected)
    assert (off < 1.01 * one_image).all()  # a tie may fall to either side
    assert (off < 1e-6).mean() > 0.95
    assert proxy.accuracy(chosen) == pytest.approx(solved(proxy, chosen), abs=1.01 * one_image)


def test_a_climb_ends_where_no_swap_improves() -> None:
    proxy = random_proxy(1)
    members = [np.flatnonzero(proxy.classes == label) for label in range(4)]
    start = np.array([0, 1, 2, 3, 4, 5, 6, 7])
    climb = Climb(proxy, members, np.random.default_rng(0))
    steps = list(climb(start))
    scores = [score for score, _ in steps]
    assert scores == sorted(set(scores))
    assert scores[0] > proxy.accuracy(start)
    best, chosen = steps[-1]
    assert best == pytest.approx(proxy.accuracy(chosen))
    assert sorted(proxy.classes[chosen]) == sorted(proxy.classes[start])
    assert climb.scored > 50
    for slot in range(8):
        others = np.setdiff1d(members[proxy.classes[chosen[slot]]], chosen)
        assert proxy.swaps(chosen, slot, others).max() <= best


@pytest.mark.parametrize("protocol", ["conv-shift1", "convnet", "conv+rotate=10"])
def test_kernel_of_trained_networks(
    digits: Dataset, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "STEPS", (2, 6))
    ten = draws.rmnist(digits, 1)
    recipe = protocols.recipe(protocol, ten)
    assert isinstance(recipe, Recipe)
    small = replace(recipe, width=4) if recipe.model == "convnet" else recipe
    pool, scoring = digits.train.take(np.arange(40)), digits.train.take(np.arange(200, 500))
    one, two = (trained_proxy(small, ten, pool, scoring, 2, seed) for seed in (1, 1))
    assert (one.gram == two.gram).all()
    assert one.gram.shape == (40, 40)
    assert one.cross.shape == (40, 300)
    assert one.gram.diagonal() == pytest.approx(1, abs=1e-4)
    assert np.linalg.eigvalsh(one.gram.astype(float)).min() > -1e-4
    assert (np.diff(one.bounds) == np.bincount(scoring.labels)).all()
    shown = copies(small, pool, 0)
    assert len(shown) == 3
    assert all(images.shape == pool.images.shape for images in shown)
    assert (shown[0] != shown[1]).any()


@pytest.mark.parametrize("protocol", ["best", "convnet"])
def test_a_proxy_reads_images_as_the_protocol_does(
    digits: Dataset, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upright under `best`: its networks know no slanted digit."""
    ten = draws.rmnist(digits, 1)
    recipe = protocols.recipe(protocol, ten)
    assert recipe
    seen: list[np.ndarray] = []

    def features(model: Stack, recipe: Recipe, images: np.ndarray) -> torch.Tensor:
        seen.append(images)
        return torch.ones(len(images), 3)

    monkeypatch.setattr(kernel, "STEPS", (1,))
    monkeypatch.setattr(kernel, "features_of", features)
    pool, scoring = digits.train.take(np.arange(20)), digits.train.take(np.arange(30, 60))
    trained_proxy(replace(recipe, width=4), ten, pool, scoring, 1, 0)
    read = deskew if protocol == "best" else np.asarray
    scoring = scoring.take(np.argsort(scoring.labels, kind="stable"))
    assert (seen[0] == read(pool.images)).all()
    assert (seen[-1] == read(scoring.images)).all()


def test_plain_recipe_shows_images_as_they_are(digits: Dataset) -> None:
    pool = digits.train.take(np.arange(3))
    assert [x.tolist() for x in copies(Recipe(), pool, 0)] == [pool.images.tolist()]


def test_ages_count_steps() -> None:
    assert ages_of(Recipe(epochs=500, batch=10), 10) == {45, 180}
    assert ages_of(Recipe(epochs=500, batch=10, shifts=1), 10) == {5, 20}
    assert ages_of(Recipe(epochs=3, batch=10, shifts=1), 1000) == {1}
