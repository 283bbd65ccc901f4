"""Optuna's TPE over positions in an embedding; a set holds the images nearest to its positions."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState

from reproduce.errors import UserError
from search.methods.base import Finished, Method, View
from search.pool import Pool

DIMENSIONS = 2


def tpe(view: View, count: int) -> list[np.ndarray]:
    """Each image of a set is a position in the plane of its class's two principal components.

    The sampler learns from the positions in all finished sets. It is rebuilt for every batch, so
    the study needs no parameters and any process can continue it.
    """
    if view.unbalanced:
        raise UserError("tpe searches balanced sets or given quotas; leave --unbalanced out")
    planes = _planes(view.pool)
    slots = [label for label, quota in enumerate(view.quotas) for _ in range(quota)]
    space: dict[str, BaseDistribution] = {
        f"{slot} {axis}": FloatDistribution(*planes[label].range(axis))
        for slot, label in enumerate(slots)
        for axis in range(DIMENSIONS)
    }
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = int(np.random.SeedSequence([view.seed, view.start]).generate_state(1)[0])
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for finished in view.history:
        where = _positions(view.pool, planes, finished.indices)
        study.add_trial(
            optuna.create_trial(
                params=dict(zip(space, where.ravel().tolist(), strict=True)),
                distributions=space,
                **_outcome(finished),
            )
        )
    taken, sets = set(view.taken), []
    for _ in range(count):
        asked = study.ask(space).params
        where = np.array([asked[name] for name in space]).reshape(len(slots), DIMENSIONS)
        sets.append(_nearest_images(view.pool, planes, slots, where, taken))
        taken.add(tuple(sets[-1].tolist()))
    return sets


def _outcome(finished: Finished) -> dict[str, Any]:
    """A set's score as Optuna has it: one that was dropped ranks below all complete ones."""
    if finished.complete:
        return {"value": finished.score}
    return {"state": TrialState.PRUNED, "intermediate_values": {0: finished.score}}


class Plane:
    """One class's images in two principal components of their pixels; 0 where they have fewer."""

    def __init__(self, pixels: np.ndarray) -> None:
        from sklearn.decomposition import PCA

        self.points = np.zeros((len(pixels), DIMENSIONS))
        known = min(DIMENSIONS, len(pixels) - 1)  # so many components tell n images apart
        if known > 0 and np.ptp(pixels, axis=0).any():
            self.points[:, :known] = PCA(known, random_state=0).fit_transform(pixels)

    def range(self, axis: int) -> tuple[float, float]:
        """The least and the largest coordinate; 0 and 0 where there is no image."""
        along = self.points[:, axis]
        return (float(along.min()), float(along.max())) if len(along) else (0.0, 0.0)


@functools.lru_cache(maxsize=2)
def _planes(pool: Pool) -> list[Plane]:
    return [Plane(pool.pixels(members)) for members in pool.members]


def _positions(pool: Pool, planes: list[Plane], indices: tuple[int, ...]) -> np.ndarray:
    """Coordinates (n, 2) of a set's images, within a class by the first of them."""
    points = []
    for members, plane in zip(pool.members, planes, strict=True):
        mine = plane.points[np.isin(members, indices)]
        points.append(mine[np.argsort(mine[:, 0], kind="stable")])
    return np.concatenate(points)


def _nearest_images(
    pool: Pool,
    planes: list[Plane],
    slots: list[int],
    where: np.ndarray,
    taken: set[tuple[int, ...]],
) -> np.ndarray:
    """The images nearest to the positions, none twice; the next nearest where the set is taken."""
    chosen: list[int] = []
    spare: list[tuple[int, int]] = []
    for slot, (label, point) in enumerate(zip(slots, where, strict=True)):
        distance = ((planes[label].points - point) ** 2).sum(1)
        near = pool.members[label][np.argsort(distance, kind="stable")[: len(slots) + 8]]
        free = [int(image) for image in near if image not in chosen]
        chosen.append(free[0])
        spare += [(slot, image) for image in free[1:]]
    found = pool.canonical(np.array(chosen))
    for slot, image in spare:
        if tuple(found.tolist()) not in taken:
            break
        if image not in chosen:
            found = pool.canonical(np.array([*chosen[:slot], image, *chosen[slot + 1 :]]))
    return found


METHOD = Method(tpe)
