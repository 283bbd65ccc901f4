"""The frame that a set is learned in: as the data has images, or upright and centred.

Setting images upright is a fixed preparation that knows no label, as whitening is for coloured
images in this field. A set that lies in that frame spends none of its few images on slants.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from distill.config import DistillConfig
from distill.starts import start
from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet
from reproduce.errors import UserError
from reproduce.images.deskew import deskew


def filled(config: DistillConfig) -> DistillConfig:
    """The settings with a frame: what the user gave, else that of the file to start from."""
    found = "plain"
    if config.start and Path(config.start).is_file():
        found = Candidate.load(config.start).frame
    return config.filled({"frame": found})


def in_frame(data: Dataset, config: DistillConfig) -> Dataset:
    """The data with its training images in the frame, for the set to be learned from."""
    if config.frame == "plain":
        return data
    return replace(data, train=ImageSet(deskew(data.train.images), data.train.labels))


def begun(data: Dataset, config: DistillConfig) -> Candidate:
    """The set to start from, with its images in the frame.

    Parameters
    ----------
    data : Dataset
        In the frame.
    config : DistillConfig
        Filled, with its frame.

    Raises
    ------
    UserError
        When images of a file would have to leave the frame `deskew`: their slants are gone.
    """
    assert config.start
    assert config.frame
    found = start(data, config.ipc, config.start, config.seed)
    return _brought(found, config.frame) if Path(config.start).is_file() else found


def _brought(begun: Candidate, frame: str) -> Candidate:
    """A set that is in the frame, or can be brought to it."""
    if begun.frame == frame:
        return begun
    if frame == "plain":
        raise UserError(f"{begun.name!r} is upright; give --frame deskew, or another --start")
    return replace(begun, images=deskew(begun.images), recipe=None, indices=None)
