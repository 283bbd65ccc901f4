"""Which images of the training split may judge a candidate: those that it does not hold itself."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.errors import UserError
from reproduce.scoring.learners import Replicate


def exclude_own_images(
    stacks: Sequence[Sequence[Replicate]], images: ImageSet
) -> list[list[Replicate]]:
    """The same replicates, none of them judged by images that its candidate holds."""
    unseen = Unseen(images)

    def excluding(one: Replicate) -> Replicate:
        return replace(one, own_images=unseen.own_images(one.candidate))

    return [[excluding(one) for one in stack] for stack in stacks]


class Unseen:
    """Finds which images of a set a candidate holds.

    Images are compared by their pixels, so that a second copy of an image in the data does not
    judge a candidate that holds the first one. A candidate whose images are not in the data, such
    as a distilled one, is judged by all images.

    Parameters
    ----------
    images : ImageSet
        N images that candidates are to be scored on.
    """

    def __init__(self, images: ImageSet) -> None:
        self.images = images
        self._positions: dict[int, list[int]] = {}  # by checksum
        for position, image in enumerate(images.images):
            self._positions.setdefault(zlib.crc32(image.tobytes()), []).append(position)

    def own_images(self, candidate: Candidate) -> np.ndarray:
        """Positions (m,), int64, ascending, of the images that the candidate holds.

        Raises
        ------
        UserError
            When it holds all images, so that none is left to score it on.
        """
        found = {
            position
            for image in candidate.images
            for position in self._positions.get(zlib.crc32(image.tobytes()), ())
            if np.array_equal(self.images.images[position], image)
        }
        if len(found) == len(self.images):
            raise UserError(
                f"{candidate.name!r} holds all {len(found)} training images that were to score it; "
                "score it on validation, or on more images"
            )
        return np.array(sorted(found), dtype=np.int64)

    def by(self, candidate: Candidate) -> ImageSet:
        """The images that may judge the candidate."""
        own = self.own_images(candidate)
        if not len(own):
            return self.images
        return self.images.take(np.delete(np.arange(len(self.images)), own))
