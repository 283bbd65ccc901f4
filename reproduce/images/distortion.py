"""What a distortion of images is, in one frozen description; `distort` follows it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from reproduce.errors import UserError
from reproduce.support.schema import Choice, Number, check_fields, ruled

# Torchvision's policies by our names.
POLICIES = {"": "", "trivial": "TrivialAugmentWide", "rand": "RandAugment", "augmix": "AugMix"}


@dataclass(frozen=True)
class Distortion:
    """How strongly images are distorted; 0 leaves a part out.

    Attributes
    ----------
    shift : float
        Each image moves by up to this many pixels, in both directions; 0..256.
    rotate : float
        Degrees: uniform in -rotate..rotate; 0..180.
    scale : float
        Height and width are multiplied, independently, by up to exp(±scale); 0..3.
    shear : float
        Horizontal shear, uniform in -shear..shear; 0..10.
    elastic : float
        Simard's alpha: pixels that scale a smoothed field of uniform numbers in -1..1; theirs is
        34 with `smooth` 4, on 29x29 images. 0..10,000.
    smooth : float
        Their sigma: standard deviation in pixels of the Gaussian that smooths the field; 0.1..64.
    stroke : float
        Up to this share of the way from an image to its 3x3 dilation, or to its erosion; 0..1.
    jitter : float
        Standard deviation of normal noise on every pixel, the result kept within 0..1; 0..10.
    mix : float
        Up to this share of each image and its label is taken from another one of the batch
        (mixup, Zhang et al. 2018, with a uniform share); 0..1.
    policy : str
        One of torchvision's own augmentations, before all else: `trivial` (TrivialAugmentWide),
        `rand` (RandAugment) or `augmix` (AugMix), at their defaults; empty for none.
    """

    shift: float = ruled(0.0, Number(0, 256))
    rotate: float = ruled(0.0, Number(0, 180))
    scale: float = ruled(0.0, Number(0, 3))
    shear: float = ruled(0.0, Number(0, 10))
    elastic: float = ruled(0.0, Number(0, 10_000))
    smooth: float = ruled(4.0, Number(0.1, 64))
    stroke: float = ruled(0.0, Number(0, 1))
    jitter: float = ruled(0.0, Number(0, 10))
    mix: float = ruled(0.0, Number(0, 1))
    policy: str = ruled("", Choice(tuple(POLICIES)))

    def __post_init__(self) -> None:
        check_fields(self, "distortion")
        if self.smooth != Distortion.smooth and not self.elastic:
            raise UserError(f"distortion: smooth goes with elastic, not alone; drop {self.smooth}")

    def changed(self, text: str) -> Distortion:
        """The distortion with other values for some fields: `rotate=15+elastic=34`.

        Raises
        ------
        UserError
            For an unknown field, one that is given twice, and a value that is none.
        """
        values: dict[str, float | str] = {}
        known = [field.name for field in dataclasses.fields(self)]
        for change in text.split("+"):
            field, _, value = change.partition("=")
            if field not in known:
                raise UserError(f"unknown distortion {field!r}, use one of {', '.join(known)}")
            if field in values:
                raise UserError(f"distortion {field} is given twice; give it once")
            try:
                values[field] = value if field == "policy" else float(value)
            except ValueError:
                raise UserError(f"distortion {change!r}: give a number, {field}=0.2") from None
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]

    @property
    def warps(self) -> bool:
        """Whether any part moves pixels."""
        return any((self.shift, self.rotate, self.scale, self.shear, self.elastic))
