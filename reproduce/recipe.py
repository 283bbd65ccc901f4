"""How a network is trained on a candidate: one frozen description, stored with the candidate."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reproduce.distort import Distortion
from reproduce.errors import UserError

MODELS = ("conv", "convnet", "resnet", "mlp")
NORMS = ("instance", "group", "batch", "none")
SCHEDULES = ("constant", "essay", "halfway", "cosine", "list")
AUGMENTATIONS = ("none", "dc", "distort")
OPTIMISERS = ("sgd", "adam")
LOSSES = ("cross-entropy", "mse")
ACTIVATIONS = ("relu", "softplus")


@dataclass(frozen=True)
class Recipe:
    """Everything that turns a tiny training set and a seed into a trained network.

    Networks start from PyTorch's default initialisation, drawn from the replicate seed, and are
    trained on the candidate's labels (hard or soft).

    Attributes
    ----------
    model : str
        `conv`, the essay's net; `convnet`, the field's ConvNet with `width` and `depth`;
        `resnet`, a small residual net, or `mlp`, with the same two.
    mean, std : float
        Networks see (pixel - mean) / std.
    epochs : int
        Passes over the training images, after `shifts`; at least 1.
    batch : int
        Images per step, at least 1; the last batch of an epoch may be smaller.
    reshuffle : bool
        Draw new batches each epoch. Otherwise they are cut once, before training, and reused.
    lr, momentum, weight_decay : float
        The optimiser's settings, lr > 0; momentum is SGD's.
    schedule : str
        `constant`; `essay`: lr * 0.8 ** (epoch // 10 + 1); `halfway`: lr, then lr / 10 with fresh
        momentum after epoch `epochs // 2 + 1`; `cosine`: from lr down to 0, epoch by epoch;
        `list`: step t uses `learning_rates[t]`, and `lr` keeps its default.
    learning_rates : tuple of float
        One positive rate for each step of the training for `schedule="list"`, else empty.
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
        Channels and blocks; of `mlp`, units and hidden layers. `conv` has its own.
    norm : str
        `instance`, `group` (one group), `batch`, all affine, or `none`; of `convnet` and `resnet`.
    optimiser : str
        `sgd`, or `adam` with PyTorch's defaults.
    loss : str
        `cross-entropy` with probabilities; or `mse`: squared error with scores, summed over
        classes. Scores are the labels as they are where their scale is `score`, else
        probability - 1 / C.
    widths : tuple of int
        Channels of each block of `convnet`, `depth` of them, where `width` keeps its default (or,
        in files of distilled sets, a multiple of it); empty: `width` in all.
    warmup : int
        Steps over which the learning rate rises linearly to what `schedule` says.
    ridge : float or None
        After training the last layer is solved by ridge regression from the features of the
        training images (without augmentation) to their scores, without a bias. In units of the
        mean of the kernel's diagonal; None: the last layer stays as it was trained.
    head_steps : int
        After training the last layer starts again at zero, without a bias, and takes so many steps
        of gradient descent alone, on the squared error of all training images (without
        augmentation), with momentum 0.9 and a rate of one over the sum of their squared features.
        0: it stays as it was trained. What it tends to is what a vanishing `ridge` solves.
    activation : str
        `relu`, or `softplus` with beta 30, its smooth stand-in; of `convnet`.
    known_init : int or None
        Every replicate starts from the weights of this seed. Such a score says how well the set
        teaches *one known* network, and is not comparable with others.

    Every field either changes the training or keeps its default.

    Raises
    ------
    UserError
        For a value out of range, and for one that the other fields leave without effect.
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
    optimiser: str = "sgd"
    loss: str = "cross-entropy"
    widths: tuple[int, ...] = ()
    warmup: int = 0
    ridge: float | None = None
    head_steps: int = 0
    activation: str = "relu"
    known_init: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rates", tuple(self.learning_rates))
        object.__setattr__(self, "widths", tuple(self.widths))
        known = {
            "model": MODELS,
            "schedule": SCHEDULES,
            "augment": AUGMENTATIONS,
            "norm": NORMS,
            "optimiser": OPTIMISERS,
            "loss": LOSSES,
            "activation": ACTIVATIONS,
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
        self._check_what_distillation_uses()
        for field, why in self._without_effect():
            if getattr(self, field) != RECIPE_DEFAULTS[field]:
                raise UserError(f"recipe: {field} is {getattr(self, field)!r}, but {why}")

    def _without_effect(self) -> Iterator[tuple[str, str]]:
        """Fields that the others leave without effect, each with the reason."""
        if self.model == "conv":
            yield from ((field, "model 'conv' has its own") for field in ("width", "depth"))
        if self.model in ("conv", "mlp"):
            yield "norm", "it is for models 'convnet' and 'resnet'"
        if self.model != "convnet":
            yield from ((name, "it is for model 'convnet'") for name in ("widths", "activation"))
        if self.optimiser == "adam":
            yield "momentum", "it is for optimiser 'sgd'"
        if self.schedule == "list":
            yield "lr", "learning_rates say what each step takes"
        # Files of distilled sets carry a multiple of the default beside their widths.
        if self.widths and self.width % RECIPE_DEFAULTS["width"]:
            yield "width", "widths say what each block has"

    def shortened(self, epochs: int) -> Recipe:
        """The recipe of the first `epochs` epochs at most, with the rates of their steps."""
        if epochs >= self.epochs:
            return self
        rates = self.learning_rates[: len(self.learning_rates) * epochs // self.epochs]
        return dataclasses.replace(self, epochs=epochs, learning_rates=rates)

    def _check_what_distillation_uses(self) -> None:
        if self.widths and (len(self.widths) != self.depth or min(self.widths) < 1):
            raise UserError(
                f"recipe: widths {self.widths}, give one for each of {self.depth} blocks"
            )
        if self.ridge is not None and not (0 < self.ridge < math.inf and self.loss == "mse"):
            raise UserError("recipe: ridge must be positive, and goes with loss 'mse'")
        if self.head_steps < 0 or (self.head_steps and self.loss != "mse"):
            raise UserError("recipe: head_steps must be at least 0, and go with loss 'mse'")
        if self.head_steps and self.ridge is not None:
            raise UserError("recipe: ridge or head_steps, not both")
        if (self.head_steps or self.ridge is not None) and self.model == "conv":
            raise UserError("recipe: ridge and head_steps are not for model 'conv'")
        if self.warmup < 0:
            raise UserError(f"recipe: warmup is {self.warmup}, it must be at least 0")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("learning_rates", "widths")}
        return {**dataclasses.asdict(self), **lists}

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


RECIPE_DEFAULTS: dict[str, Any] = {
    field.name: field.default for field in dataclasses.fields(Recipe)
}
