"""A recipe: how a network is trained on a candidate, in one frozen description."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reproduce.errors import UserError
from reproduce.images.distortion import Distortion
from reproduce.support.schema import (
    SEED,
    Choice,
    Flag,
    Instance,
    Number,
    Optional,
    Several,
    Whole,
    Words,
    check_fields,
    known_fields,
    ruled,
)
from reproduce.support.text import brief

PUBLISHED = ("lenet", "alexnet", "vgg11", "resnet18")  # networks of one size
NORMED = ("convnet", "resnet", "vgg11", "resnet18")
MODELS = ("conv", "convnet", "resnet", "mlp", *PUBLISHED)
NORMS = ("instance", "group", "batch", "none")
FRAMES = ("plain", "deskew")
UPRIGHT = "upright frame"  # how tables call the frame `deskew`
SCHEDULES = ("constant", "essay", "halfway", "cosine", "list")
AUGMENTATIONS = ("none", "dc", "distort")
OPTIMISERS = ("sgd", "adam")
LOSSES = ("cross-entropy", "mse")
ACTIVATIONS = ("relu", "softplus")
CODE, RATE = Words(1000), Number(0, 1000, above=True)
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081  # of the pixels of MNIST, as the field normalises them
WIDTH, DEPTH = Whole(1, 4096), Whole(1, 64)


def marked(name: str, frame: str) -> str:
    """A set's name as it stands beside accuracies: with its frame, where that is not the data's."""
    return f"{name} ({UPRIGHT})" if frame == "deskew" else name


@dataclass(frozen=True)
class Model:
    """A network of the project by its name, or one of the user's own, `module:Class`."""

    def check(self, value: Any, what: str) -> str:
        """Return the name."""
        own = isinstance(value, str) and ":" in value
        return CODE.check(value, what) if own else Choice(MODELS).check(value, what)


@dataclass(frozen=True)
class Recipe:
    """Everything that turns a tiny training set and a seed into a trained network.

    Networks start from PyTorch's default initialisation, drawn from the replicate seed, and are
    trained on the candidate's labels, hard or soft. The rule beside each field's default below says
    what the field may hold.

    Attributes
    ----------
    model : str
        `conv`, the essay's net; `convnet`, the field's ConvNet; `resnet`, a small residual net;
        `mlp`, fully connected layers; or `lenet`, `alexnet`, `vgg11`, `resnet18`, in which Dataset
        Condensation compares sets (`reproduce.networks.published`). `convnet`, `resnet` and `mlp`
        have the `width` and `depth` given below. Or a network of your own, `module:Class`
        (`reproduce.networks.own`); files never name one.
    mean, std : float
        Networks see (pixel - mean) / std.
    epochs : int
        Passes over the training images, after `shifts`; 1 to 1,000,000.
    batch : int
        Images per step; the last batch of an epoch may be smaller.
    reshuffle : bool
        Draw new batches each epoch. Otherwise they are cut once, before training, and reused.
    lr, momentum, weight_decay : float
        Settings of the optimiser: lr above 0; momentum, which only SGD has, 0 to 1.
    schedule : str
        The learning rate of each step. `constant`: lr. `essay`: lr * 0.8 ** (epoch // 10 + 1).
        `halfway`: lr, and after epoch `epochs // 2 + 1` lr / 10, with fresh momentum. `cosine`:
        from lr down to 0, epoch by epoch. `list`: `learning_rates[t]` at step t; `lr` keeps its
        default.
    learning_rates : tuple of float
        For `schedule="list"` one positive rate for each step of the training; else empty.
    shifts : int
        Add every displacement of every image by up to this many pixels, edges filled with 0; at
        most 10.
    augment : str
        What is done to each image at each step. `none`; `dc`: crop, scale or rotate, as Dataset
        Condensation does; `distort`: what `distortion` says.
    distortion : Distortion or None
        For `augment="distort"`; else None.
    ensemble : int
        Networks of one replicate, of different seeds, whose probabilities are averaged; at most
        100.
    deskew : bool
        Set every image upright and centre it by its moments, in training and in scoring.
    frame : str
        Where the images of the set lie: `plain`, as data has them; or `deskew`, upright and centred
        already. Then only what is read is set upright, and the set is learned as it is.
    width, depth : int
        Channels and blocks; for `mlp`, units and hidden layers. At most 4,096 and 64.
    norm : str
        Of `convnet`, `resnet`, `vgg11` and `resnet18`: `instance`, `group` (one group), `batch`,
        all affine; or `none`.
    optimiser : str
        `sgd`, or `adam` with PyTorch's defaults.
    loss : str
        `cross-entropy` with probabilities, or `mse`, the squared error with scores, summed over
        classes. Scores are the labels where their scale is `score`, else probability - 1 / C.
    widths : tuple of int
        Channels of each of the `depth` blocks of `convnet`; empty: `width` in all. With widths,
        `width` keeps its default (in files of distilled sets, a multiple of it).
    warmup : int
        Steps over which the learning rate rises linearly up to what `schedule` says.
    ridge : float or None
        After training, solve the last layer by ridge regression from the features of the training
        images (without augmentation) to their scores, without a bias. The strength is in units of
        the mean of the kernel's diagonal. None: the last layer stays as it was trained.
    head_steps : int
        After training, start the last layer again at zero, without a bias, and train it alone for
        this many steps of gradient descent: on the squared error of all training images (without
        augmentation), with momentum 0.9 and a rate of one over the sum of their squared features.
        With more steps it tends to the solution of a vanishing `ridge`. 0: the last layer stays as
        it was trained.
    activation : str
        Of `convnet`: `relu`, or `softplus` with beta 30, a smooth approximation of it.
    known_init : int or None
        Start every replicate from the weights of this seed. The score then says how well the set
        teaches *one known* network, and cannot be compared with other scores.

    Every field changes the training or what is read, or keeps its default.

    Raises
    ------
    UserError
        When a field has another type or lies out of its bounds, when fields contradict each other,
        and when a field is set that the other fields leave without effect.
    """

    model: str = ruled("conv", Model())
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
    frame: str = ruled("plain", Choice(FRAMES))
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
        for contradiction in self._contradictions():
            raise UserError(f"recipe: {contradiction}")
        for field, why in self._without_effect():
            if getattr(self, field) != RECIPE_DEFAULTS[field]:
                raise UserError(f"recipe: {field} is {getattr(self, field)!r}, but {why}")

    @property
    def own(self) -> bool:
        """Whether the network is one of the user's own."""
        return ":" in self.model

    @property
    def has_compiled_step(self) -> bool:
        """Whether compiled code trains it on the CPU: the essay's net, by plain SGD."""
        rule = (self.optimiser, self.loss, self.momentum, self.weight_decay)
        return self.model == "conv" and rule == ("sgd", "cross-entropy", 0.0, 0.0)

    @property
    def has_first_block_in_one_pass(self) -> bool:
        """Whether compiled code makes the first maps of a ConvNet on the CPU in one pass."""
        kind = (self.model, self.activation)
        return kind == ("convnet", "relu") and self.norm in ("instance", "none")

    @property
    def reads_upright(self) -> bool:
        """Whether images are set upright before a trained network reads them."""
        return self.deskew or self.frame == "deskew"

    def _contradictions(self) -> Iterator[str]:
        """What is wrong with fields that go together."""
        rates, solved = len(self.learning_rates), self.head_steps or self.ridge is not None
        if (self.augment == "distort") != (self.distortion is not None):
            yield "a distortion goes with augment 'distort'"
        if (self.schedule == "list") != bool(rates):
            yield "learning_rates go with schedule 'list', one for each step"
        if 0 < rates < self.epochs:
            yield f"{rates} learning_rates for {self.epochs} epochs, give one for each step"
        if self.deskew and self.frame == "deskew":
            yield "deskew or frame 'deskew', not both: such images are not set upright again"
        if self.widths and len(self.widths) != self.depth:
            yield f"{len(self.widths)} widths, give one for each of {self.depth} blocks"
        if solved and self.loss != "mse":
            yield "ridge and head_steps go with loss 'mse'"
        if self.head_steps and self.ridge is not None:
            yield "ridge or head_steps, not both"
        if solved and self.model == "conv":
            yield "ridge and head_steps are not for model 'conv'"

    def _without_effect(self) -> Iterator[tuple[str, str]]:
        """Fields that the other fields leave without effect, each with the reason."""
        if self.own or self.model in ("conv", *PUBLISHED):
            own = f"model {self.model!r} has its own"
            yield from ((field, own) for field in ("width", "depth"))
        if self.model not in NORMED:
            yield "norm", f"it is for models {', '.join(map(repr, NORMED))}"
        if self.model != "convnet":
            yield from ((name, "it is for model 'convnet'") for name in ("widths", "activation"))
        if self.optimiser == "adam":
            yield "momentum", "it is for optimiser 'sgd'"
        if self.schedule == "list":
            yield "lr", "learning_rates say what each step takes"
        # Files of distilled sets carry a multiple of the default beside their widths.
        if self.widths and self.width % RECIPE_DEFAULTS["width"]:
            yield "width", "widths say what each block has"

    def reduced(
        self, epochs: int | None = None, members: int | None = None, width: int | None = None
    ) -> Recipe:
        """The same recipe with at most so many epochs, members of its ensemble, and channels."""
        epochs = min(epochs or self.epochs, self.epochs)
        changes: dict[str, Any] = {"ensemble": min(members or self.ensemble, self.ensemble)}
        if width and self.widths:
            changes["widths"] = tuple(min(width, own) for own in self.widths)
        elif width:
            changes["width"] = min(width, self.width)
        rates = self.learning_rates[: len(self.learning_rates) * epochs // self.epochs]
        return dataclasses.replace(self, epochs=epochs, learning_rates=rates, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values.

        `frame` is left out where it is `plain`: files of earlier versions keep their digest.
        """
        lists = {name: list(getattr(self, name)) for name in ("learning_rates", "widths")}
        values = {**dataclasses.asdict(self), **lists}
        return values if self.frame != "plain" else {k: values[k] for k in values if k != "frame"}

    @classmethod
    def from_dict(cls, values: Any) -> Recipe:
        """The recipe that `to_dict` has described.

        Raises
        ------
        UserError
            For unknown or malformed fields, and for a network of somebody's own, whose code
            reading a file would run.
        """
        recipe = known_fields(cls, values, "recipe")
        if ":" in str(recipe.get("model")):
            raise UserError(
                f"recipe: model is {brief(recipe['model'])}, but a file cannot name code; "
                "score the set with --protocol module:function"
            )
        if recipe.get("distortion") is not None:
            distortion = known_fields(Distortion, recipe["distortion"], "distortion")
            recipe["distortion"] = Distortion(**distortion)
        return cls(**recipe)

    def key(self) -> str:
        """The recipe as canonical JSON: equal recipes have equal keys.

        Fields at their defaults are left out, so that a field added later changes no key.
        """
        defaults = Recipe().to_dict()
        changed = {name: v for name, v in self.to_dict().items() if v != defaults.get(name)}
        return json.dumps(changed, sort_keys=True)


RECIPE_DEFAULTS: dict[str, Any] = {
    field.name: field.default for field in dataclasses.fields(Recipe)
}
