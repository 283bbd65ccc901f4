"""What trained networks answer, image by image and while they learn: the oracle's other answers.

Accuracies are the oracle's business; these functions keep what lies beneath one, for analysis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.errors import UserError
from reproduce.recipe import Recipe
from reproduce.scoring import worker
from reproduce.scoring.learners import Plan
from reproduce.scoring.ridge_proxy import Ridge
from reproduce.scoring.stacks import Job, work_of
from reproduce.scoring.worker import Work
from reproduce.support.arrays import check_images, frozen
from reproduce.support.schema import replicates
from reproduce.training import loop


def predictions(
    candidate: Candidate, protocol: str, seeds: Sequence[int], images: np.ndarray
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
    plan = protocols.plan(protocol, candidate)
    if isinstance(plan, Ridge):
        raise UserError(f"{protocol} trains nothing; ask a protocol that trains for predictions")
    return worker.classes(_work(plan, candidate, seeds), images)


def learning_curve(
    candidate: Candidate, protocol: str, seeds: Sequence[int], scored: ImageSet, points: int = 16
) -> list[tuple[int, list[float]]]:
    """Accuracy in percent of K networks after some training steps, from untrained to trained.

    Of a protocol that averages an ensemble, the curve of its single networks.

    Returns
    -------
    list of (steps so far, K accuracies)
        Steps are about evenly spaced on a logarithmic axis; the first is 0. Empty for a protocol
        without training steps.
    """
    plan = protocols.plan(protocol, candidate)
    if not isinstance(plan, Recipe):
        return []
    recipe = replace(plan, ensemble=1)
    work = _work(recipe, candidate, seeds)
    per_epoch = -(-len(candidate) * (2 * recipe.shifts + 1) ** 2 // recipe.batch)
    wanted = set(log_spaced(recipe.epochs, points))
    untrained = loop.build(recipe, scored.images.shape[2:], candidate.classes, seeds)
    curve = [(0, _accuracies(untrained, recipe, scored))]
    for state in loop.train(recipe, work.images, work.targets, seeds):
        if state.epoch in wanted:
            curve.append((state.epoch * per_epoch, _accuracies(state.model, recipe, scored)))
    return curve


def log_spaced(last: int, points: int) -> Iterable[int]:
    """At most `points` whole numbers from 1 to `last`, both among them."""
    return np.unique(np.rint(np.geomspace(1, last, points)).astype(int)).tolist()


def _accuracies(model: loop.Stack, recipe: Recipe, scored: ImageSet) -> list[float]:
    right = loop.predict(model, recipe, scored.images) == scored.labels
    return [100 * float(row.mean()) for row in right]


def _work(plan: Plan, candidate: Candidate, seeds: Sequence[int]) -> Work:
    """The oracle's own work for these replicates."""
    jobs = [Job(candidate, plan, seed, {}) for seed in replicates(seeds)]
    return work_of(jobs, "cpu", None)
