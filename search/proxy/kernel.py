"""The kernel of the proxy: similarity of images by the features of networks trained on a set.

Features that were learned on a good set rank the sets near it better than features of untrained
networks do (`benchmarks/speed/search.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.images import expand
from reproduce.images.deskew import deskew
from reproduce.images.distort import distort, draw
from reproduce.images.distortion import Distortion
from reproduce.networks.stack import seeded
from reproduce.recipe import Recipe
from reproduce.scoring.ridge_proxy import features_of
from reproduce.training import loop, schedule
from search.proxy.swaps import Proxy

STEPS = (45, 180)  # training steps after which the networks' features are taken
COPIES = 3  # of each image as training shows it, whose features are averaged
STRENGTH = 2.0  # the ridge; kernels have a diagonal of 1
LIKE_DC = Distortion(shift=2, rotate=20, scale=0.15)  # resembles crop, scale and rotate


def trained_proxy(
    recipe: Recipe,
    candidate: Candidate,
    pool: ImageSet,
    scoring: ImageSet,
    nets: int,
    seed: int,
) -> Proxy:
    """Ridge regression on the features of networks that are trained on the candidate.

    Parameters
    ----------
    recipe : Recipe
    candidate : Candidate
    pool : ImageSet
        P images that sets are made of.
    scoring : ImageSet
        N images that sets are scored on.
    nets : int
        Number of networks. Each gives features at several ages.
    seed : int
        Determines the replicate seeds and the copies of images.
    """
    scoring = scoring.take(np.argsort(scoring.labels, kind="stable"))
    shown = copies(recipe, pool, seed)
    read = deskew(scoring.images) if recipe.reads_upright else scoring.images
    ours, theirs = [], []
    seeds = np.random.SeedSequence([seed, nets]).generate_state(nets)
    taught = [candidate.images] * nets, [candidate.targets()] * nets
    ages = ages_of(recipe, len(candidate))
    for state in loop.train(recipe, *taught, [int(s) for s in seeds]):
        if state.epoch in ages:
            mean = torch.stack([features_of(state.model, recipe, x) for x in shown]).mean(0)
            ours.append(mean / mean.norm(dim=1, keepdim=True))
            theirs.append(features_of(state.model, recipe, read))
        if state.epoch == max(ages):
            break
    left, right = (torch.cat(parts, dim=1) / len(parts) ** 0.5 for parts in (ours, theirs))
    return Proxy(
        gram=(left @ left.T).numpy(),
        cross=(left @ right.T).numpy(),
        bounds=np.searchsorted(scoring.labels, np.arange(candidate.classes + 1)),
        classes=pool.labels,
        strength=STRENGTH,
    )


def ages_of(recipe: Recipe, images: int) -> set[int]:
    """The epochs after which training on so many images has taken `STEPS` steps."""
    per_epoch = schedule.steps_per_epoch(recipe, images)
    return {min(recipe.epochs, max(1, round(steps / per_epoch))) for steps in STEPS}


def copies(recipe: Recipe, pool: ImageSet, seed: int) -> Sequence[np.ndarray]:
    """The images as training shows them: unchanged, and in copies that the recipe alters.

    Where it sets images upright, all copies are made of upright images.
    """
    generator = [seeded(seed, "copies")]
    plain = deskew(pool.images) if recipe.deskew else pool.images
    if recipe.shifts:
        chosen = torch.randperm((2 * recipe.shifts + 1) ** 2, generator=generator[0])[:COPIES]
        moved = expand.shift(plain, pool.labels, recipe.shifts)[0]
        return [moved.reshape(len(pool), -1, *plain.shape[1:])[:, c] for c in chosen]
    distortion = LIKE_DC if recipe.augment == "dc" else recipe.distortion
    if distortion is None:
        return [plain]
    images = torch.tensor(plain)[None]
    labels = images.new_zeros(1, len(pool), 1)
    made, (height, width) = replace(distortion, mix=0.0), plain.shape[2:]
    found = [plain]
    for _ in range(COPIES - 1):
        drawn = draw(made, len(pool), (height, width), generator)
        found.append(distort(images, labels, made, drawn)[0][0].numpy())
    return found
