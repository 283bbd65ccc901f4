"""Augmentation on the fly: the field's crop, scale and rotate (Dataset Condensation, 2021).

Every image at every step gets one of the three, chosen at random. All of it is a lookup: rotations
are made beforehand, crops and scalings gather rows and columns. Images are normalised; 0 there is
the dataset's mean.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from reproduce.images.splines import Turner
from reproduce.support.constants import OnRecord

CROP = 4  # pixels of padding, filled with the batch's mean
SCALE = 0.2  # height and width each by 0.8 to 1.2, nearest neighbour
DEGREES = 45  # whole degrees in -45..44, cubic splines, filled with the batch's mean
ORDER = 3  # of the rotation's splines
ON_RECORD = OnRecord(__name__, {"CROP": 4, "SCALE": 0.2, "DEGREES": 45, "ORDER": 3})


def draw(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What happens to each image of a batch: which of the three (B,), and how far (B, 2), 0..1."""
    kind = torch.randint(3, (size,), generator=generator)
    return kind, torch.rand((size, 2), generator=generator, dtype=torch.float64)


class Augmenter:
    """Augments batches drawn from one small set of images.

    Parameters
    ----------
    images : Tensor of shape (n, H, W)
        The normalised training images on the CPU.
    beforehand : bool
        Whether all rotations are made at once and kept, 90 n H W numbers. Otherwise each is made
        when it is needed, and gradients pass through it.
    """

    def __init__(self, images: Tensor, beforehand: bool = True) -> None:
        self.images = images
        self.side = images.shape[1:]
        degrees = range(-DEGREES, DEGREES)
        self.turner = None if beforehand else Turner(images, degrees)
        if self.turner is None:
            turned = [_rotated(images.numpy(), angle) for angle in degrees]
            self.turned = torch.from_numpy(np.stack(turned, axis=1))  # (n, 90, H, W)
        ones = np.ones((1, *self.side), dtype=np.float32)
        # Where a rotation looks outside the image, the fill counts in full.
        empty = [_rotated(0 * ones, angle, fill=1.0)[0] for angle in degrees]
        self.outside = torch.from_numpy(np.stack(empty)).to(images)  # (90, H, W)

    def __call__(self, batch: Tensor, drawn: tuple[Tensor, Tensor]) -> Tensor:
        """Augmented images (B, H, W) of the set's images at positions `batch` (B,), as drawn."""
        kind, draws = drawn
        images = self.images[batch]
        fill = images.mean()
        out = torch.empty_like(images)
        for number, transform in enumerate((self._crop, self._scale, self._rotate)):
            chosen = (kind == number).nonzero().flatten()
            if len(chosen):
                out[chosen] = transform(batch[chosen], draws[chosen], fill)
        return out

    def _crop(self, batch: Tensor, draws: Tensor, fill: Tensor) -> Tensor:
        offset = (draws * (2 * CROP + 1)).long() - CROP
        rows, columns = (
            torch.arange(side) + offset[:, d, None] for d, side in enumerate(self.side)
        )
        return self._gather(batch, rows, columns, fill)

    def _scale(self, batch: Tensor, draws: Tensor, fill: Tensor) -> Tensor:
        side = torch.tensor(self.side)
        size = ((1 - SCALE + 2 * SCALE * draws) * side).long()
        frame = torch.maximum(size, side).amax(1, keepdim=True)
        start = (frame - side) // 2 - (frame - size) // 2
        at = [torch.arange(n) + start[:, d, None] for d, n in enumerate(self.side)]
        # Nearest neighbour; positions outside the zoomed image stay outside.
        rows, columns = (at[d] * n // size[:, d, None] for d, n in enumerate(self.side))
        return self._gather(batch, rows, columns, torch.zeros((), dtype=self.images.dtype))

    def _gather(self, batch: Tensor, rows: Tensor, columns: Tensor, fill: Tensor) -> Tensor:
        height, width = self.side
        valid_rows, valid_columns = (
            (rows >= 0) & (rows < height),
            (columns >= 0) & (columns < width),
        )
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        moved = self.images[batch[:, None, None], rows[:, :, None], columns[:, None, :]]
        return torch.where(valid_rows[:, :, None] & valid_columns[:, None, :], moved, fill)

    def _rotate(self, batch: Tensor, draws: Tensor, fill: Tensor) -> Tensor:
        angle = (draws[:, 0] * 2 * DEGREES).long()
        turned = self.turner(batch, angle) if self.turner else self.turned[batch, angle]
        return turned + fill * self.outside[angle]


def _rotated(images: np.ndarray, angle: int, fill: float = 0.0) -> np.ndarray:
    """Rotate (n, H, W) in the image plane with room to spare, then cut the centre out."""
    turned = scipy.ndimage.rotate(images, angle, axes=(-2, -1), order=ORDER, cval=fill)
    top, left = ((turned.shape[d] - images.shape[d]) // 2 for d in (-2, -1))
    return turned[:, top : top + images.shape[-2], left : left + images.shape[-1]]
