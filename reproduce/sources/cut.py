"""Cutting images into train, validation and test, where the data has no splits of its own."""

from __future__ import annotations

import numpy as np

from reproduce.data import ImageSet
from reproduce.errors import UserError

CUT = ("train", "validation", "test")
SEEDS_TRIED = 100  # for a split in which no part lacks a class


def cut(whole: ImageSet, classes: tuple[str, ...], seed: int) -> list[ImageSet]:
    """Train, validation and test, 5 : 1 : 1, after a shuffle by `seed`.

    Raises
    ------
    UserError
        When there are too few images, or a split lacks a class. The caller adds the data's name.
    """
    if len(whole) < 7 * len(classes):
        raise UserError(
            f"too few images ({len(whole)}) for {len(classes)} classes; "
            f"at least {7 * len(classes)} are needed to cut train, validation and test"
        )
    parts = _shuffled(len(whole), seed)
    absent = _absent(whole.labels, parts, len(classes))
    if absent:
        name, split = classes[absent[0]], CUT[absent[1]]
        tried = ((s, _shuffled(len(whole), s)) for s in range(SEEDS_TRIED))
        good = next((s for s, some in tried if not _absent(whole.labels, some, len(classes))), None)
        way = "give it more images" if good is None else f"give --split-seed {good}"
        raise UserError(f"class {name!r} has no image in {split} by split seed {seed}; {way}")
    return [whole.take(part) for part in parts]


def _shuffled(n: int, seed: int) -> list[np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return np.split(order, [n - 2 * (n // 7), n - n // 7])


def _absent(labels: np.ndarray, parts: list[np.ndarray], classes: int) -> tuple[int, int] | None:
    """The first class that a part lacks, and the part's number; None where all have all."""
    for number, part in enumerate(parts):
        lacking = np.flatnonzero(np.bincount(labels[part], minlength=classes) == 0)
        if len(lacking):
            return int(lacking[0]), number
    return None
