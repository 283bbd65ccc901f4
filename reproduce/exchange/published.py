"""A published set: arrays as somebody else's file has them, and the candidate that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset, check_fits
from reproduce.errors import UserError
from reproduce.support.arrays import MOST_PIXELS

GIVE = "give --mean and --std, by which its authors normalised the data (for MNIST often 0.1307, \
0.3081)"


@dataclass(frozen=True)
class Published:
    """Images and labels of a published set.

    Attributes
    ----------
    images : ndarray of shape (n, 1, H, W)
        Pixels, or (pixels - mean) / std.
    labels : ndarray of shape (n,) or (n, C)
        Whole numbers, or soft labels.
    layout : str
        Where it comes from: `dc`, `mtt` or `png`.
    normalisation : tuple of float or None
        Mean and standard deviation, where the file says them; (0, 1) where it holds pixels.
    done : str
        What was done to the images while they were read.
    """

    images: np.ndarray
    labels: np.ndarray
    layout: str
    normalisation: tuple[float, float] | None = None
    done: str = ""

    def candidate(
        self,
        data: Dataset,
        name: str,
        given: tuple[float | None, float | None],
        label_scale: str | None,
    ) -> Candidate:
        """The set in pixel space.

        Parameters
        ----------
        data : Dataset
            That the set was made from.
        name : str
        given : tuple of float or None
            Mean and standard deviation that the user says.
        label_scale : str or None
            Of soft labels: `probability` or `score`. None for hard ones.

        Raises
        ------
        UserError
            When the normalisation or the scale of the labels is not known, or is said twice; when
            arrays are no images and labels; and when they do not fit the data.
        """
        mean, std = self._normalisation(given)
        labels = _labels(self.labels, label_scale)
        images = np.asarray(self.images, dtype=np.float64) * std + mean
        found = Candidate(
            images=images.astype(np.float32),
            labels=labels,
            label_scale=label_scale or "class",
            name=name,
            method=f"import {self.layout}",
            dataset=data.name,
            checksum=data.checksum,
            classes=len(data.classes),
            **{k: v for k, v in data.opening().items() if k != "class_names"},
            class_names=data.classes if data.path else (),
        )
        check_fits(found, data)
        return found

    def _normalisation(self, given: tuple[float | None, float | None]) -> tuple[float, float]:
        mean, std = given
        if self.normalisation is not None:
            if given not in ((None, None), self.normalisation):
                raise UserError(
                    f"the file says mean {self.normalisation[0]:g} and std "
                    f"{self.normalisation[1]:g}; leave --mean and --std out"
                )
            return self.normalisation
        if mean is None or std is None:
            raise UserError(f"the file does not say how its images are normalised; {GIVE}")
        return mean, std


def checked(images: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Tensors of a file as arrays, if they can be images (n, 1, H, W) and their labels.

    Raises
    ------
    UserError
        The message does not name the file.
    """
    import torch

    for tensor, what in ((images, "images"), (labels, "labels")):
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
            raise UserError(f"its {what} are no tensor")
        if tensor.numel() > MOST_PIXELS:  # a view may be larger than its file
            raise UserError(f"its {what} have shape {tuple(tensor.shape)}, which is too large")
    if images.dim() == 4 and images.shape[1] == 3:
        raise UserError("its images are in colour; sets here are grey, (n, 1, H, W)")
    if not images.dtype.is_floating_point:
        raise UserError(f"its images are of type {images.dtype}, expected floats")
    return images.detach().double().numpy(), labels.detach().numpy(force=True)


def _labels(labels: np.ndarray, scale: str | None) -> np.ndarray:
    """Class indices (n,), int64, or rows of soft labels."""
    if labels.ndim == 2:
        if scale is None:
            raise UserError(
                "its labels are soft, one row for each image; say with --label-scale whether they "
                "are probabilities (probability) or any scores (score)"
            )
        return labels
    if scale is not None:
        raise UserError("its labels are hard; leave --label-scale out")
    if labels.dtype.kind == "f" and (np.rint(labels) == labels).all():
        return labels.astype(np.int64)
    return labels
