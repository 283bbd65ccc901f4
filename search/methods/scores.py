"""EL2N and forgetting: the images that networks find easiest while they learn.

Both were made to prune large training sets, where the hardest images are kept; of very few images
the easiest teach best, so those are taken here.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from reproduce.data import ImageSet
from reproduce.recipe import Recipe
from reproduce.training import evaluation, loop
from search.methods.base import constructor
from search.pool import Pool

TRAINED_ON = 2000  # images of the training split, at random
RECIPE = Recipe(model="conv", epochs=8, batch=50, lr=0.05, momentum=0.5, reshuffle=True)
NETS = 3
EARLY = 3  # epochs after which EL2N looks


@constructor("el2n")
def el2n(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The images with the smallest error early in training (EL2N, Paul et al. 2021)."""
    return _lowest(pool, quotas, errors_and_forgettings(pool.train)[0])


@constructor("forgetting")
def forgetting(pool: Pool, quotas: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """The images that are forgotten least often (Toneva et al. 2019), at random among equals."""
    events = errors_and_forgettings(pool.train)[1]
    return _lowest(pool, quotas, events + 0.5 * rng.random(len(events)))


def _lowest(pool: Pool, quotas: Sequence[int], scores: np.ndarray) -> np.ndarray:
    chosen = [
        members[np.argsort(scores[members], kind="stable")[:quota]]
        for members, quota in zip(pool.members, quotas, strict=True)
    ]
    return np.concatenate(chosen)


@functools.lru_cache(maxsize=2)
def errors_and_forgettings(train_split: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """EL2N and forgetting events of every training image, each of shape (n,).

    Three networks learn a fixed random 2,000 images, and look at the whole split after every epoch:
    EL2N is the mean length of probabilities less labels after three epochs; a forgetting event is
    an image right after one epoch and wrong after the next, and one never right counts as many
    events as there are epochs, as do their means over the networks.
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
