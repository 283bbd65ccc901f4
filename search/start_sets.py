"""Start sets: candidates that were found elsewhere, from which a search starts.

A set of synthetic images, such as a distilled one, is snapped to real images first. Distillation
follows a gradient to images that no search would propose, and the search goes on around the real
ones that look most like them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset, check_fits
from reproduce.errors import UserError
from reproduce.images.deskew import deskew
from search.pool import Pool


def start_sets(files: str, data: Dataset, pool: Pool, quotas: Sequence[int]) -> list[np.ndarray]:
    """The sets of some candidate files.

    Parameters
    ----------
    files : str
        Paths separated by commas; may be empty. Synthetic images are `snapped`.
    data : Dataset
        What the sets must be of.
    pool : Pool
        What their images must be in.
    quotas : sequence of int
        How many images of each class they must have.

    Returns
    -------
    list of ndarray, int64
        Positions in the training split, in canonical order.

    Raises
    ------
    UserError
        When a file is not a candidate, or a set does not fit the search.
    """
    sets = []
    for name in filter(None, (part.strip() for part in files.split(","))):
        candidate = Candidate.load(Path(name))
        check_fits(candidate, data)
        real = snapped(candidate, pool) if candidate.indices is None else candidate.indices
        indices = pool.canonical(real)
        counts = np.bincount(data.train.labels[indices], minlength=len(quotas))
        if counts.tolist() != list(quotas):
            raise UserError(f"{name} has not the images per class of this search; change --ipc")
        if not np.isin(indices, np.concatenate(pool.members)).all():
            raise UserError(f"{name} has images outside of the pool; give a larger --pool")
        sets.append(indices)
    return sets


def snapped(candidate: Candidate, pool: Pool) -> np.ndarray:
    """For each synthetic image the real image of its class that looks most like it.

    That is the image of the pool with the largest cosine similarity in pixels, because the contrast
    of learned images is not that of real ones. Images of an upright frame are compared with real
    images that were set upright. No real image is taken twice.

    Returns
    -------
    ndarray of shape (n,), int64
        Positions in the training split. A class of the pool with too few images gives fewer.
    """
    chosen: list[int] = []
    for label, members in enumerate(pool.members):
        learned = candidate.images[candidate.hard_labels() == label]
        images = pool.train.images[members]
        real = _unit(deskew(images) if candidate.frame == "deskew" else images)
        free = np.ones(len(members), dtype=bool)
        for image in _unit(learned)[: len(members)]:
            pick = int(np.where(free, real @ image, -np.inf).argmax())
            free[pick] = False
            chosen.append(members[pick])
    return np.array(chosen, dtype=np.int64)


def _unit(images: np.ndarray) -> np.ndarray:
    """Images as rows of unit length."""
    rows = images.reshape(len(images), math.prod(images.shape[1:]))
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return unit
