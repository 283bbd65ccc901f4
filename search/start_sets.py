"""Start sets: candidates of real images, found elsewhere, from which a search starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset, check_fits
from reproduce.errors import UserError
from search.pool import Pool


def start_sets(files: str, data: Dataset, pool: Pool, quotas: Sequence[int]) -> list[np.ndarray]:
    """The sets of some candidate files.

    Parameters
    ----------
    files : str
        Paths separated by commas; may be empty.
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
        if candidate.indices is None:
            raise UserError(f"{name} is not of real images of {data.name}; give a searched set")
        check_fits(candidate, data)
        indices = pool.canonical(candidate.indices)
        counts = np.bincount(data.train.labels[indices], minlength=len(quotas))
        if counts.tolist() != list(quotas):
            raise UserError(f"{name} has not the images per class of this search; change --ipc")
        if not np.isin(indices, np.concatenate(pool.members)).all():
            raise UserError(f"{name} has images outside of the pool; give a larger --pool")
        sets.append(indices)
    return sets
