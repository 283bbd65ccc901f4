"""Which images may judge a candidate: of the training split, those that it does not hold itself."""

from __future__ import annotations

import zlib

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import ImageSet
from reproduce.errors import UserError


class Unseen:
    """Tells, of some training images, which ones a candidate holds.

    Images are compared by their pixels, so that a second copy of an image in the data judges no
    candidate that holds the first one. Of a candidate whose images are not in the data, such as a
    distilled one, all images may judge.

    Parameters
    ----------
    images : ImageSet
        N images that candidates are to be scored on.
    """

    def __init__(self, images: ImageSet) -> None:
        self.images = images
        self._places: dict[int, list[int]] = {}
        for place, image in enumerate(images.images):
            self._places.setdefault(zlib.crc32(image.tobytes()), []).append(place)

    def held(self, candidate: Candidate) -> np.ndarray:
        """Positions (m,), rising, of the images that the candidate holds.

        Raises
        ------
        UserError
            When it holds all of them, so that none is left to score it on.
        """
        found = {
            place
            for image in candidate.images
            for place in self._places.get(zlib.crc32(image.tobytes()), ())
            if np.array_equal(self.images.images[place], image)
        }
        if len(found) == len(self.images):
            raise UserError(
                f"{candidate.name!r} holds all {len(found)} training images that were to score it; "
                "score it on validation, or on more images"
            )
        return np.array(sorted(found), dtype=np.int64)

    def by(self, candidate: Candidate) -> ImageSet:
        """The images that may judge the candidate."""
        held = self.held(candidate)
        if not len(held):
            return self.images
        return self.images.take(np.delete(np.arange(len(self.images)), held))
