"""Variants of a candidate that tell what its accuracy hangs on. Pure; the oracle scores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reproduce.candidate import Candidate
from reproduce.recipe import Recipe

NOISE = (0.05, 0.1, 0.2, 0.4)  # standard deviations; full ink is 1
LEVELS = 255
LEFT_OUT, CHANGED = ALTERED = ("leave-one-out", "sensitivity")  # methods of the altered copies


@dataclass(frozen=True)
class Change:
    """One thing done to a candidate: what, how much, and the variants that came of it.

    They carry their recipe and are scored under `own`: a single one under every seed, several
    each under its own seed, in order.
    """

    kind: str
    amount: float | None
    variants: list[Candidate]


def without(candidate: Candidate, position: int) -> Candidate:
    """The candidate less one image."""
    indices = candidate.indices
    return replace(
        candidate,
        images=np.delete(candidate.images, position, axis=0),
        labels=np.delete(candidate.labels, position, axis=0),
        indices=None if indices is None else np.delete(indices, position),
        name=f"{candidate.name} without {position}",
        method=LEFT_OUT,
    )


def without_each(candidate: Candidate) -> list[Candidate]:
    """The candidate less one image, for each of its images."""
    return [without(candidate, position) for position in range(len(candidate))]


def changes(candidate: Candidate, recipe: Recipe, seeds: Sequence[int]) -> list[Change]:
    """Changes of the order, the batches, the pixels and their precision.

    Parameters
    ----------
    candidate : Candidate
    recipe : Recipe
        How the candidate is trained on; all but `batches` keep it.
    seeds : sequence of int
        Replicate seeds: each gives its own permutation and noise.
    """
    plain = replace(candidate, recipe=recipe, indices=None, method=CHANGED)
    order = [_reordered(plain, seed) for seed in seeds]
    half = _halved(recipe, len(candidate))
    halved = replace(plain, recipe=half)
    found = [
        Change("order", None, order),
        Change("batches", half.batch, [halved]),
        Change("rounded", None, [_with(plain, rounded(plain.images))]),
        Change("clipped", None, [_with(plain, clipped(plain.images))]),
    ]
    return found + [
        Change("noise", sd, [_with(plain, noisy(plain.images, sd, seed)) for seed in seeds])
        for sd in NOISE
    ]


def _halved(recipe: Recipe, images: int) -> Recipe:
    """The recipe with half its batch; listed rates go on for all the steps of their epoch."""
    batch = max(1, min(recipe.batch, images) // 2)
    before, after = (-(-images // size) for size in (min(recipe.batch, images), batch))
    rates = recipe.learning_rates or ()
    places = [
        epoch * before + step * before // after
        for epoch in range(len(rates) // before)
        for step in range(after)
    ]
    listed = {"learning_rates": tuple(rates[place] for place in places)} if rates else {}
    return replace(recipe, batch=batch, reshuffle=True, **listed)  # type: ignore[arg-type]


def rounded(images: np.ndarray) -> np.ndarray:
    """Images (n, 1, H, W) in 256 levels between the least and the greatest of their values."""
    low, high = float(images.min()), float(images.max())
    step = (high - low) / LEVELS or 1.0
    return (low + step * np.rint((images - low) / step)).astype(np.float32)


def clipped(images: np.ndarray) -> np.ndarray:
    """Images (n, 1, H, W) as a file of grey bytes holds them: cut to 0..1, in 256 levels."""
    return (np.rint(np.clip(images, 0, 1) * LEVELS) / LEVELS).astype(np.float32)


def noisy(images: np.ndarray, sd: float, seed: int) -> np.ndarray:
    """Images (n, 1, H, W) with normal noise, the same directions at every `sd` of one seed."""
    noise = np.random.default_rng([seed, len(images)]).standard_normal(images.shape)
    return (images + sd * noise).astype(np.float32)


def _with(candidate: Candidate, images: np.ndarray) -> Candidate:
    return replace(candidate, images=images)


def _reordered(candidate: Candidate, seed: int) -> Candidate:
    order = np.random.default_rng([seed, len(candidate)]).permutation(len(candidate))
    return replace(candidate, images=candidate.images[order], labels=candidate.labels[order])
