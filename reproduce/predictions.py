"""What trained learners see in single images, and how accuracy grows while networks learn.

The oracle keeps accuracies alone; these functions answer what analysis asks beyond them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.errors import UserError
from reproduce.networks.models import build
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe
from reproduce.scoring.learners import Learner, Replicate, Where
from reproduce.scoring.network import Network
from reproduce.scoring.ridge_proxy import Ridge
from reproduce.support import schema
from reproduce.support.arrays import check_images, frozen
from reproduce.training import evaluation, schedule


def predictions(
    candidate: Candidate,
    protocol: str,
    seeds: Sequence[int],
    images: np.ndarray,
    device: str = "cpu",
) -> np.ndarray:
    """Classes (K, N), int64, that K replicates trained on the candidate see in N images.

    Parameters
    ----------
    candidate : Candidate
    protocol : str
        One that trains: not a ridge proxy.
    seeds : sequence of K int
    images : ndarray of shape (N, 1, H, W), floats
        Pixel space, of the candidate's height and width.
    device : str
        On which networks are trained.

    Raises
    ------
    UserError
        For an unknown protocol or a proxy, and for images of another shape or type.
    """
    images = frozen(images, "images", np.float32, "f")
    check_images(images, None)
    if images.shape[1:] != candidate.images.shape[1:]:
        raise UserError(
            f"images have shape {images.shape}, the set has {candidate.images.shape}; "
            "give images of its height and width"
        )
    learner = predictor(candidate, protocol)
    replicates = [Replicate(candidate, learner, seed) for seed in schema.replicates(seeds)]
    return learner.predict(replicates, images, Where(device))


def predictor(candidate: Candidate, protocol: str) -> Learner:
    """The learner of a protocol, which says something of single images.

    Raises
    ------
    UserError
        For an unknown protocol or a proxy.
    """
    learner = protocols.learner(protocol, candidate)
    if isinstance(learner, Ridge):
        raise UserError(f"{protocol} trains nothing; ask a protocol that trains for predictions")
    return learner


def learning_curve(
    candidate: Candidate,
    protocol: str,
    seeds: Sequence[int],
    scored: ImageSet,
    points: int = 16,
    device: str = "cpu",
) -> list[tuple[int, list[float]]]:
    """Accuracy in percent of K networks after some training steps, from untrained to trained.

    Of a protocol that averages an ensemble, the curve of its single networks.

    Returns
    -------
    list of (steps so far, K accuracies)
        Steps are about evenly spaced on a logarithmic axis; the first is 0. Empty for a protocol
        without training steps.
    """
    recipe, seeds = protocols.recipe(protocol, candidate), schema.replicates(seeds)
    if recipe is None:
        return []
    recipe = replace(recipe, ensemble=1)
    per_epoch = schedule.steps_per_epoch(recipe, len(candidate))
    wanted = set(log_spaced(recipe.epochs, points))
    untrained = build(recipe, scored.images.shape[2:], candidate.classes, seeds)
    curve = [(0, _accuracies(untrained, recipe, scored))]
    replicates = [Replicate(candidate, Network(recipe), seed) for seed in seeds]
    for state in Network(recipe).training(replicates, Where(device)):
        if state.epoch in wanted:
            curve.append((state.epoch * per_epoch, _accuracies(state.model, recipe, scored)))
    return curve


def log_spaced(last: int, points: int) -> Iterable[int]:
    """At most `points` whole numbers from 1 to `last`, both among them."""
    return np.unique(np.rint(np.geomspace(1, last, points)).astype(int)).tolist()


def _accuracies(model: Stack, recipe: Recipe, scored: ImageSet) -> list[float]:
    right = evaluation.predict(model, recipe, scored.images) == scored.labels
    return [100 * float(row.mean()) for row in right]
