"""Labels of own data: whole numbers, one for each image."""

from __future__ import annotations

import numpy as np

from reproduce.errors import UserError

EXACT = 2**53  # up to here floats hold every whole number


def coded(labels: np.ndarray, images: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the classes 0..C-1 of labels, and their names.

    Parameters
    ----------
    labels : ndarray of shape (n,), or (n, C) with one 1 in each row and else 0
        Whole numbers of at least 0, of any numeric type.
    images : int
        How many images n there are.

    Returns
    -------
    codes : ndarray of shape (n,), int64
    names : tuple of C str
        The labels themselves in rising order. A column without a 1 is no class.

    Raises
    ------
    UserError
        When the labels are anything else, or all the same. The message does not name the file.
    """
    if labels.dtype.kind not in "biuf":
        raise UserError(
            f"labels are of type {labels.dtype}; give one whole number from 0 for each image, "
            "or a folder of class folders for classes with names"
        )
    if labels.ndim == 2:
        labels = _from_rows(labels)
    if labels.ndim != 1 or len(labels) != images:
        raise UserError(
            f"labels have shape {labels.shape}; give one whole number for each of {images} images"
        )
    if not images:
        raise UserError("no images; give at least seven of each class")
    names, codes = np.unique(_whole(labels), return_inverse=True)
    if len(names) < 2:
        raise UserError(f"all labels are {names[0]}; at least two classes are needed")
    return codes.astype(np.int64), tuple(str(name) for name in names)


def _whole(labels: np.ndarray) -> np.ndarray:
    """Return labels (n,) as int64, if all are whole numbers from 0."""
    if labels.dtype.kind == "f":
        labels = labels.astype(np.float64)
        if not (np.isfinite(labels) & (np.rint(labels) == labels)).all():
            raise UserError("labels hold values that are no whole numbers; give classes from 0")
    if labels.min() < 0 or labels.max() > EXACT:
        raise UserError(f"labels run from {labels.min()} to {labels.max()}; give classes from 0")
    return labels.astype(np.int64)


def _from_rows(rows: np.ndarray) -> np.ndarray:
    """Return the column of the one 1 in each row, (n,)."""
    n, width = rows.shape
    if width < 2:
        raise UserError(f"labels have shape {rows.shape}; save labels.ravel(), of shape ({n},)")
    if not (((rows == 0) | (rows == 1)).all() and (rows.sum(1) == 1).all()):
        raise UserError(
            f"labels have shape {rows.shape}, but not one 1 and else 0 in every row; "
            "give one whole number for each image"
        )
    places: np.ndarray = rows.argmax(1)
    return places
