"""The posterior over what choices of images are worth."""

from dataclasses import replace

import numpy as np
import pytest

from reproduce import Dataset
from search.methods import Finished
from search.pool import Pool
from search.posterior import Model, similarity


@pytest.fixture(scope="module")
def pool(digits: Dataset) -> Pool:
    return Pool.typical(digits.train)


@pytest.fixture(scope="module")
def study(pool: Pool) -> tuple[list[Finished], np.ndarray]:
    """Four hundred sets of two images a class with noisy scores, and what they are truly worth."""
    rng = np.random.default_rng(0)
    worth = rng.normal(0, 0.4, len(pool.train))
    history, truth = [], []
    for number in range(400):
        if number % 32 == 0:
            luck = rng.normal(0, 0.5)  # of the seed
        chosen = [np.sort(rng.choice(members[:8], 2, replace=False)) for members in pool.members]
        own = np.array([worth[choice].sum() for choice in chosen])
        each = own + 3.0 * rng.normal(0, 10**-0.5, 10)
        score, errors = 80 + luck + each.sum(), tuple((2 - luck / 10 - each).tolist())
        indices = tuple(np.concatenate(chosen).tolist())
        history.append(Finished(number, indices, float(score), number // 32, errors))
        truth.append(own.sum())
    return history, np.array(truth)


def test_what_is_believed_is_nearer_the_truth_than_scores_are(pool: Pool, study) -> None:
    history, truth = study
    believed = Model(pool, history).fitted()
    scores = [entry.score for entry in history]
    assert np.corrcoef(believed, truth)[0, 1] > np.corrcoef(scores, truth)[0, 1] + 0.05


def test_errors_by_class_say_more_than_scores(pool: Pool, study) -> None:
    history, truth = study
    blind = [replace(entry, errors=()) for entry in history]
    knows, guesses = (Model(pool, found).fitted() for found in (history, blind))
    assert np.corrcoef(knows, truth)[0, 1] > np.corrcoef(guesses, truth)[0, 1] + 0.02


def test_similarity_is_a_kernel(pool: Pool) -> None:
    """1 for the same choice, symmetric, and without negative eigenvalues."""
    members = pool.members[3]
    rng = np.random.default_rng(0)
    choices = list({tuple(sorted(rng.choice(members[:12], 3, replace=False))) for _ in range(30)})
    kernel = similarity(pool, choices, choices)
    assert np.allclose(np.diag(kernel), 1)
    assert np.allclose(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel).min() > 0
    shared = similarity(pool, [tuple(members[:3])], [tuple(members[1:4])])
    apart = similarity(pool, [tuple(members[:3])], [tuple(members[-3:])])
    assert shared > 0.3 > apart
