"""The images that networks find easiest early in training (EL2N).

EL2N and `forgetting` were made to prune large training sets, of which they keep the hardest images.
With very few images the easiest ones teach best, so this project takes those.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from reproduce.data import ImageSet
from reproduce.recipe import Recipe
from reproduce.training import evaluation, loop
from search.methods.base import rule
from search.pool import Pool

TRAINED_ON = 2000  # images of the training split, at random
RECIPE = Recipe(model="conv", epochs=8, batch=50, lr=0.05, momentum=0.5, reshuffle=True)
NETS = 3
EARLY = 3  # epochs after which EL2N looks


def el2n(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The images with the smallest error early in training (EL2N, Paul et al. 2021)."""
    return lowest(pool, quotas, errors_and_forgettings(pool.train)[0])


def lowest(pool: Pool, quotas: Sequence[int], scores: np.ndarray) -> np.ndarray:
    """The images of each class with the lowest scores."""
    chosen = [
        members[np.argsort(scores[members], kind="stable")[:quota]]
        for members, quota in zip(pool.members, quotas, strict=True)
    ]
    return np.concatenate(chosen)


@functools.lru_cache(maxsize=2)
def errors_and_forgettings(train_split: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """EL2N and forgetting events of every training image, each of shape (n,).

    Three networks learn 2,000 fixed random images, and classify the whole split after every epoch.
    EL2N is the Euclidean norm of probabilities minus one-hot labels after three epochs. A
    forgetting event is an image that is right after one epoch and wrong after the next; an image
    that is never right counts one event for every epoch. Both are means over the networks.
    """
    images, labels = train_split.images, train_split.labels
    truth = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    size = min(TRAINED_ON, len(images))
    learned = np.sort(np.random.default_rng(0).choice(len(images), size, replace=False))
    taught = [images[learned]] * NETS, [truth[learned]] * NETS
    before = np.zeros((NETS, len(images)), dtype=bool)
    ever, events = before.copy(), np.zeros((NETS, len(images)))
    for state in loop.train(RECIPE, *taught, range(NETS)):
        guessed = evaluation.probabilities(state.model, RECIPE, images)
        right = guessed.argmax(-1) == labels
        events += before & ~right
        before, ever = right, ever | right
        if state.epoch == EARLY:
            error = np.linalg.norm(guessed - truth, axis=-1).mean(0)
    return error, np.where(ever, events, RECIPE.epochs).mean(0)


METHOD = rule(el2n)
