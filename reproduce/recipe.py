"""How a network is trained on a candidate: one frozen description, stored with the candidate."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reproduce.errors import UserError
from reproduce.images.distort import Distortion
from reproduce.support.schema import (
    SEED,
    Choice,
    Flag,
    Instance,
    Number,
    Optional,
    Several,
    Whole,
    check_fields,
    known_fields,
    ruled,
)

MODELS = ("conv", "convnet", "resnet", "mlp")
NORMS = ("instance", "group", "batch", "none")
SCHEDULES = ("constant", "essay", "halfway", "cosine", "list")
AUGMENTATIONS = ("none", "dc", "distort")
OPTIMISERS = ("sgd", "adam")
LOSSES = ("cross-entropy", "mse")
ACTIVATIONS = ("relu", "softplus")
RATE = Number(0, 1000, above=True)
WIDTH, DEPTH = Whole(1, 4096), Whole(1, 64)


@dataclass(frozen=True)
class Recipe:
    """Everything that turns a tiny training set and a seed into a trained network.

    Networks start from PyTorch's default initialisation, drawn from the replicate seed, and are
    trained on the candidate's labels (hard or soft). What each field may hold stands beside its
    default below; the bounds leave room for far more than anyone has used.

    Attributes
    ----------
    model : str
        `conv`, the essay's net; `convnet`, the field's ConvNet with `width` and `depth`;
        `resnet`, a small residual net, or `mlp`, with the same two.
    mean, std : float
        Networks see (pixel - mean) / std.
    epochs : int
        Passes over the training images, after `shifts`; 1 to 1,000,000.
    batch : int
        Images per step; the last batch of an epoch may be smaller.
    reshuffle : bool
        Draw new batches each epoch. Otherwise they are cut once, before training, and reused.
    lr, momentum, weight_decay : float
        The optimiser's settings, lr > 0; momentum is SGD's, 0 to 1.
    schedule : str
        `constant`; `essay`: lr * 0.8 ** (epoch // 10 + 1); `halfway`: lr, then lr / 10 with fresh
        momentum after epoch `epochs // 2 + 1`; `cosine`: from lr down to 0, epoch by epoch;
        `list`: step t uses `learning_rates[t]`, and `lr` keeps its default.
    learning_rates : tuple of float
        One positive rate for each step of the training for `schedule="list"`, else empty.
    shifts : int
        Expand the set to every displacement of up to this many pixels, edges filled with 0; at
        most 10.
    augment : str
        `none`; `dc`: crop, scale or rotate each image at each step (Dataset Condensation); or
        `distort`: as `distortion` says.
    distortion : Distortion or None
        Goes with `augment="distort"`.
    ensemble : int
        Networks of one replicate, from different seeds, whose probabilities are averaged; at most
        100.
    deskew : bool
        Set every image upright and centred by its moments, in training and in scoring.
    width, depth : int
        Channels and blocks; of `mlp`, units and hidden layers. At most 4,096 and 64; `conv` has its
        own.
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
        When a field has another type or lies out of its bounds, and for one that the other fields
        leave without effect.
    """

    model: str = ruled("conv", Choice(MODELS))
    mean: float = ruled(0.1, Number(-1000, 1000))
    std: float = ruled(0.25, Number(1e-6, 1000))
    epochs: int = ruled(1, Whole(1, 1_000_000))
    batch: int = ruled(10, Whole(1, 10_000_000))
    reshuffle: bool = ruled(False, Flag())
    lr: float = ruled(0.1, RATE)
    momentum: float = ruled(0.0, Number(0, 1))
    weight_decay: float = ruled(0.0, Number(0, 1000))
    schedule: str = ruled("constant", Choice(SCHEDULES))
    learning_rates: tuple[float, ...] = ruled((), Several(RATE, 100_000))
    shifts: int = ruled(0, Whole(0, 10))
    augment: str = ruled("none", Choice(AUGMENTATIONS))
    distortion: Distortion | None = ruled(None, Optional(Instance(Distortion)))
    ensemble: int = ruled(1, Whole(1, 100))
    deskew: bool = ruled(False, Flag())
    width: int = ruled(128, WIDTH)
    depth: int = ruled(3, DEPTH)
    norm: str = ruled("instance", Choice(NORMS))
    optimiser: str = ruled("sgd", Choice(OPTIMISERS))
    loss: str = ruled("cross-entropy", Choice(LOSSES))
    widths: tuple[int, ...] = ruled((), Several(WIDTH, 64))
    warmup: int = ruled(0, Whole(0, 10_000_000))
    ridge: float | None = ruled(None, Optional(Number(0, 1e6, above=True)))
    head_steps: int = ruled(0, Whole(0, 1_000_000))
    activation: str = ruled("relu", Choice(ACTIVATIONS))
    known_init: int | None = ruled(None, Optional(SEED))

    def __post_init__(self) -> None:
        check_fields(self, "recipe")
        rates = self.learning_rates
        if (self.augment == "distort") != (self.distortion is not None):
            raise UserError("recipe: a distortion goes with augment 'distort'")
        if (self.schedule == "list") != bool(rates):
            raise UserError("recipe: learning_rates go with schedule 'list', one for each step")
        if rates and len(rates) < self.epochs:
            raise UserError(
                f"recipe: {len(rates)} learning_rates for {self.epochs} epochs, "
                "give one for each step"
            )
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
        if self.widths and len(self.widths) != self.depth:
            raise UserError(
                f"recipe: {len(self.widths)} widths, give one for each of {self.depth} blocks"
            )
        if (self.head_steps or self.ridge is not None) and self.loss != "mse":
            raise UserError("recipe: ridge and head_steps go with loss 'mse'")
        if self.head_steps and self.ridge is not None:
            raise UserError("recipe: ridge or head_steps, not both")
        if (self.head_steps or self.ridge is not None) and self.model == "conv":
            raise UserError("recipe: ridge and head_steps are not for model 'conv'")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("learning_rates", "widths")}
        return {**dataclasses.asdict(self), **lists}

    @classmethod
    def from_dict(cls, values: Any) -> Recipe:
        """The recipe that `to_dict` described; UserError for unknown or malformed fields."""
        recipe = known_fields(cls, values, "recipe")
        if recipe.get("distortion") is not None:
            distortion = known_fields(Distortion, recipe["distortion"], "distortion")
            recipe["distortion"] = Distortion(**distortion)
        return cls(**recipe)

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
