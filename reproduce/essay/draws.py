"""The essay's draws of small training sets (Michael Nielsen, "Reduced MNIST", 2017)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.support.arrays import frozen
from reproduce.support.schema import Whole

DRAWS = ("table", "figures")
DRAW_SEED = 619
ESSAY_SIZES = (1, 5, 10)


def draw_indices(labels: np.ndarray, ipc: int, draw: str = "table") -> np.ndarray:
    """The essay's random choice of `ipc` images per class.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Labels of the training split.
    ipc : int
        Images per class; 0 is the whole split in file order.
    draw : str
        `table` seeds the generator for each ipc, so the sets are nested. `figures` seeds it once
        and draws 1, 5 and 10 in turn; any other ipc is drawn as the fourth.

    Returns
    -------
    ndarray of shape (ipc * classes,), int64
        Positions in the training split, in the essay's order.
    """
    if draw not in DRAWS:
        raise UserError(f"unknown draw {draw!r}, use one of {', '.join(DRAWS)}")
    ipc = Whole(0, 10**9).check(ipc, "images per class")
    if ipc == 0:
        return np.arange(len(labels))
    smallest = int(np.bincount(labels).min())
    if ipc > smallest:
        raise UserError(
            f"{ipc} images per class, but the smallest class has {smallest}; use 0 to {smallest}"
        )
    generator = random.Random(DRAW_SEED)
    before: tuple[int, ...] = ()
    if draw == "figures":
        before = ESSAY_SIZES[: ESSAY_SIZES.index(ipc)] if ipc in ESSAY_SIZES else ESSAY_SIZES
    for turn in (*before, ipc):
        chosen = _draw_once(labels, turn, generator)
    return np.array(chosen, dtype=np.int64)


def _draw_once(labels: np.ndarray, ipc: int, generator: random.Random) -> list[int]:
    order = list(range(len(labels)))
    _shuffle(order, generator)
    ordered = np.array(order)
    firsts = [ordered[labels[ordered] == label][:ipc] for label in np.unique(labels)]
    chosen: list[int] = np.concatenate(firsts).tolist()
    _shuffle(chosen, generator)
    return chosen


def _shuffle(items: list[int], generator: random.Random) -> None:
    """Python 2's `random.shuffle`; that of Python 3 draws positions in another way."""
    for i in reversed(range(1, len(items))):
        j = int(generator.random() * (i + 1))
        items[i], items[j] = items[j], items[i]


def rmnist(data: Dataset, ipc: int, draw: str = "table") -> Candidate:
    """RMNIST/`ipc`, or the same draw from another dataset; 0 takes the whole training split."""
    return real_candidate(
        data,
        draw_indices(data.train.labels, ipc, draw),
        name=f"{'R' if ipc else ''}{data.name.upper()}{f'/{ipc} {draw}' if ipc else ''}",
        method="essay draw",
        draw=draw if ipc else None,
        role="essay draw",
        seeds=(DRAW_SEED,) if ipc else (),
    )


def real_candidate(
    data: Dataset, indices: np.ndarray, *, name: str, method: str, **fields: Any
) -> Candidate:
    """Make a candidate from the training images at some indices, in that order.

    Raises
    ------
    UserError
        When the indices are not distinct positions in the training split.
    """
    indices = frozen(indices, "indices", np.int64, "iu")
    last = len(data.train) - 1
    if indices.ndim != 1 or not len(indices) or indices.min() < 0 or indices.max() > last:
        raise UserError(f"indices: give one position after the other, from 0 to {last}")
    chosen = data.train.take(indices)
    return Candidate(
        images=chosen.images,
        labels=chosen.labels,
        indices=indices,
        name=name,
        method=method,
        dataset=data.name,
        checksum=data.checksum,
        classes=len(data.classes),
        **data.opening(),
        **fields,
    )


def random_candidate(
    data: Dataset, quotas: Sequence[int], generator: np.random.Generator, **fields: Any
) -> Candidate:
    """A candidate of random training images.

    Parameters
    ----------
    data : Dataset
    quotas : sequence of int
        Images of each class.
    generator : numpy.random.Generator
    fields
        Of the candidate, such as its name.

    Raises
    ------
    UserError
        When a class has fewer images.
    """
    counts = np.bincount(data.train.labels, minlength=len(quotas))
    for label, quota in enumerate(quotas):
        if quota > counts[label]:
            raise UserError(
                f"{quota} images of class {label}, which has {counts[label]}; ask for fewer"
            )
    chosen = [
        generator.choice(np.flatnonzero(data.train.labels == label), quota, replace=False)
        for label, quota in enumerate(quotas)
    ]
    return real_candidate(data, np.concatenate(chosen), method="random", **fields)
