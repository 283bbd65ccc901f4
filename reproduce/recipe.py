"""How a network is trained on a candidate: one frozen description, stored with the candidate."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

from reproduce.distort import Distortion
from reproduce.errors import UserError

MODELS = ("conv", "convnet")
SCHEDULES = ("constant", "essay", "halfway", "cosine", "list")
AUGMENTATIONS = ("none", "dc", "distort")


@dataclass(frozen=True)
class Recipe:
    """Everything that turns a tiny training set and a seed into a trained network.

    Networks start from PyTorch's default initialisation, drawn from the replicate seed, and are
    trained by SGD on the cross-entropy with the candidate's labels (hard or soft).

    Attributes
    ----------
    model : str
        `conv`, the essay's net, or `convnet`, the field's ConvNet with `width` and `depth`.
    mean, std : float
        Networks see (pixel - mean) / std.
    epochs : int
        Passes over the training images, after `shifts`; at least 1.
    batch : int
        Images per step, at least 1; the last batch of an epoch may be smaller.
    reshuffle : bool
        Draw new batches each epoch. Otherwise they are cut once, before training, and reused.
    lr, momentum, weight_decay : float
        SGD's settings, lr > 0.
    schedule : str
        `constant`; `essay`: lr * 0.8 ** (epoch // 10 + 1); `halfway`: lr, then lr / 10 with fresh
        momentum after epoch `epochs // 2 + 1`; `cosine`: from lr down to 0, epoch by epoch;
        `list`: step t uses `learning_rates[t]`.
    learning_rates : tuple of float
        One positive rate per step for `schedule="list"`, else empty.
    shifts : int
        Expand the set to every displacement of up to this many pixels, edges filled with 0.
    augment : str
        `none`; `dc`: crop, scale or rotate each image at each step (Dataset Condensation); or
        `distort`: as `distortion` says.
    distortion : Distortion or None
        Goes with `augment="distort"`.
    ensemble : int
        Networks of one replicate, from different seeds, whose probabilities are averaged.
    deskew : bool
        Set every image upright and centred by its moments, in training and in scoring.
    width, depth : int
        Channels and blocks of `convnet`.
    norm : str
        `instance` (affine) or `none`, of `convnet`.
    """

    model: str = "conv"
    mean: float = 0.1
    std: float = 0.25
    epochs: int = 1
    batch: int = 10
    reshuffle: bool = False
    lr: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    learning_rates: tuple[float, ...] = ()
    shifts: int = 0
    augment: str = "none"
    distortion: Distortion | None = None
    ensemble: int = 1
    deskew: bool = False
    width: int = 128
    depth: int = 3
    norm: str = "instance"

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rates", tuple(self.learning_rates))
        known = {
            "model": MODELS,
            "schedule": SCHEDULES,
            "augment": AUGMENTATIONS,
            "norm": ("instance", "none"),
        }
        for field, names in known.items():
            if getattr(self, field) not in names:
                raise UserError(
                    f"recipe: {field} is {getattr(self, field)!r}, use one of {', '.join(names)}"
                )
        for field in ("epochs", "batch", "width", "depth", "std", "lr", "ensemble"):
            if not 0 < getattr(self, field) < math.inf:
                raise UserError(f"recipe: {field} is {getattr(self, field)}, it must be positive")
        rates = self.learning_rates
        if not all(0 < rate < math.inf for rate in rates):
            raise UserError("recipe: learning_rates must all be positive and finite")
        if (self.augment == "distort") != (self.distortion is not None):
            raise UserError("recipe: a distortion goes with augment 'distort'")
        if (self.schedule == "list") != bool(rates):
            raise UserError("recipe: learning_rates go with schedule 'list', one for each step")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        return {**dataclasses.asdict(self), "learning_rates": list(self.learning_rates)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """The recipe that `to_dict` described; UserError for unknown or malformed fields."""
        unknown = set(values) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise UserError(f"recipe: unknown fields {', '.join(sorted(unknown))}")
        try:
            if values.get("distortion") is not None:
                values = {**values, "distortion": Distortion(**values["distortion"])}
            return cls(**values)
        except TypeError as error:
            raise UserError(f"recipe: {error}") from None

    def key(self) -> str:
        """The recipe as canonical JSON: equal recipes have equal keys.

        Fields at their defaults are left out, so that a field added later changes no key.
        """
        default = Recipe().to_dict()
        changed = {name: v for name, v in self.to_dict().items() if v != default[name]}
        return json.dumps(changed, sort_keys=True)
