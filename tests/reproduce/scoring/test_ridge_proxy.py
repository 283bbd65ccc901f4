"""Proxies: the kernel equals its definition and scores subsets by a small solve."""

import numpy as np
import pytest
import torch

from reproduce import Candidate, Dataset, Oracle, Recipe, UserError
from reproduce.essay import draws
from reproduce.scoring.learners import Replicate, Where
from reproduce.scoring.ridge_proxy import PoolKernel, Ridge, features

RIDGE = Ridge(Recipe(model="conv"), nets=3)


@pytest.fixture(scope="module")
def kernel(digits: Dataset) -> PoolKernel:
    pool, scoring = digits.train.take(np.arange(40)), digits.validation
    return PoolKernel.build(RIDGE, pool.images, scoring.images, scoring.labels)


def test_kernel_is_the_mean_over_networks(digits: Dataset, kernel: PoolKernel) -> None:
    ours = features(RIDGE, digits.train.images[:40], 0)
    assert ours.shape == (40, 3 * 320)
    by_net = ours.unflatten(1, (3, 320)).unbind(1)
    total = torch.stack([net @ net.T for net in by_net]).sum(0)
    torch.testing.assert_close(kernel.gram, total)
    torch.testing.assert_close(kernel.gram.diagonal(), torch.ones(40))


def test_scores_equal_ridge_regression_on_the_features(digits: Dataset, kernel: PoolKernel) -> None:
    subset = np.array([3, 1, 30, 12])
    targets = np.eye(10, dtype=np.float32)[digits.train.labels[subset]]
    train = features(RIDGE, digits.train.images[subset], 0).double().numpy()
    test = features(RIDGE, digits.validation.images, 0).double().numpy()
    strength = RIDGE.strength * np.mean(np.sum(train**2, 1))
    normal = train.T @ train + strength * np.eye(train.shape[1])
    answers = (test @ np.linalg.solve(normal, train.T @ (targets - 0.1))).argmax(1)
    expected = 100 * np.mean(answers == digits.validation.labels)
    assert kernel.accuracy(subset, targets) == pytest.approx(expected, abs=0.5)


def test_too_large_kernels_are_refused_before_they_are_computed() -> None:
    pool = np.broadcast_to(np.zeros((1, 1, 28, 28), np.float32), (50_000, 1, 28, 28))
    with pytest.raises(UserError, match="GiB"):
        PoolKernel.build(RIDGE, pool, pool, np.zeros(50_000, int))


def test_oracle_gives_the_same_alone_and_in_company(digits: Dataset, ten: Candidate) -> None:
    others = [draws.rmnist(digits, 1), draws.rmnist(digits, 5)]
    alone = Oracle(digits, workers=1).score(ten, "ridge-conv", [0, 1])
    beside = Oracle(digits, workers=2).score_many([*others, ten], "ridge-conv", [0, 1])
    assert [r["accuracy"] for r in beside[-2:]] == [r["accuracy"] for r in alone]
    assert alone[0]["accuracy"] > 40


def test_a_proxy_gives_no_probabilities(ten: Candidate) -> None:
    ridge = Ridge(Recipe(model="conv"))
    with pytest.raises(UserError, match="gives no class probabilities"):
        ridge.predict([Replicate(ten, ridge, 0)], ten.images, Where())
