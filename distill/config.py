"""Settings of a distillation, and the recipes that a set may be distilled for."""

from __future__ import annotations

import dataclasses
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.starts import STARTS
from reproduce.commands.options import option
from reproduce.errors import UserError
from reproduce.recipe import MNIST_MEAN, MNIST_STD, Recipe
from reproduce.support.schema import (
    SEED,
    Choice,
    Flag,
    Number,
    Optional,
    Whole,
    Words,
    check_fields,
)
from reproduce.support.text import brief

FOLDER = Path(__file__).parent / "methods"
METHODS = tuple(sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)])))
LEARNED = ("both", "images", "labels")
# Fields of each recipe; `growth` is the factor by which blocks have more channels, one by one.
SQUARED_ERROR: dict[str, Any] = {
    "norm": "none",
    "optimiser": "adam",
    "loss": "mse",
    "epochs": 100,
    "lr": 3e-4,
    "growth": 2,
}
RECIPES: dict[str, dict[str, Any]] = {
    "ridge": {**SQUARED_ERROR, "ridge": 1e-5},
    "adam": {**SQUARED_ERROR, "head_steps": 300},
    "sgd": {"momentum": 0.9, "epochs": 15, "lr": 0.02, "schedule": "list"},
    "convnet": {
        "momentum": 0.9,
        "epochs": 1001,
        "lr": 0.01,
        "weight_decay": 5e-4,
        "batch": 256,
        "schedule": "halfway",
        "augment": "dc",
        "reshuffle": True,
    },
}
COUNT, STEPS, WIDTH = Whole(1, 10_000), Whole(1, 100_000), Whole(1, 4096)


@dataclass(frozen=True)
class DistillConfig:
    """Settings of a distillation; None stands for what suits the method.

    Attributes
    ----------
    method : str
        The name of a module of `distill.methods`.
    recipe : str or None
        How networks learn the set, while it is made and when it is scored. `ridge`: Adam on the
        squared error, then the last layer by ridge regression. `adam`: the same by gradient alone,
        the last layer by descent from zero. `sgd`: SGD with momentum on the cross-entropy, at
        learned rates. `convnet`: the field's protocol, with hard labels.

    Raises
    ------
    UserError
        For a value of the wrong type or out of range. `distill.options.check` checks which
        settings go together.
    """

    method: str = option("staged", f"How the set is made: {', '.join(METHODS)}.", Words())
    ipc: int = option(1, "Images per class.", COUNT)
    steps: int | None = option(
        None,
        "Largest number of updates of the set. Default: what --minutes allow.",
        Optional(Whole(1, 10**9)),
    )
    minutes: float | None = option(
        None,
        "Largest time of work. Default: 10 without --steps.",
        Optional(Number(0, 525_600, above=True)),
    )
    recipe: str | None = option(
        None,
        f"Recipe by which networks learn the set: {', '.join(RECIPES)}. Default: the method's.",
        Optional(Choice(tuple(RECIPES))),
    )
    width: int | None = option(
        None, "Channels of the ConvNet's first block. Default: the method's.", Optional(WIDTH)
    )
    depth: int = option(3, "Blocks of the ConvNet.", Whole(1, 8))
    widen: int = option(
        1, "Factor by which the finished set's recipe has wider networks.", Whole(1, 64)
    )
    inner_steps: int | None = option(
        None, "Steps that train a network on the set. Default: the recipe's.", Optional(STEPS)
    )
    inner_lr: float | None = option(
        None,
        "Learning rate of the networks. Default: the recipe's.",
        Optional(Number(0, 1000, above=True)),
    )
    window: int | None = option(
        None,
        "For unroll: inner steps that are differentiated; 0 is all.",
        Optional(Whole(0, 100_000)),
    )
    nets: int = option(1, "Networks that each update uses, over all processes.", WIDTH)
    pool: int = option(20, "Stacks of networks of mixed ages that are kept.", COUNT)
    stride: int = option(3, "Inner steps that a stack of the pool takes after each use.", STEPS)
    reuse: int | None = option(
        None, "Updates with one real batch and stack. Default: the method's.", Optional(COUNT)
    )
    batch: int | None = option(
        None,
        "Real images for each network in an update. Default: the method's.",
        Optional(Whole(1, 1_000_000)),
    )
    image_lr: float | None = option(
        None,
        "Adam's first learning rate for images, labels and logarithms of rates; it follows a "
        "cosine. Default: the method's.",
        Optional(Number(0, 1e6, above=True)),
    )
    ema: float = option(
        0.999, "Decay of the set's running mean, which is what is kept.", Number(0, 0.999999)
    )
    start: str | None = option(
        None,
        f"Images to start from: {', '.join(STARTS)}, or a candidate file. Default: the method's.",
        Optional(Words(4096)),
    )
    learn: str | None = option(
        None,
        "What is learned: both, images (labels stay hard) or labels. Default: the method's.",
        Optional(Choice(LEARNED)),
    )
    known_init: int | None = option(
        None, "Seed of the one initialisation that the set is made for.", Optional(SEED)
    )
    smooth: bool = option(False, "For krr: softplus in place of ReLU while distilling.", Flag())
    bf16: bool = option(
        False, "For krr and dm: features of real images in bfloat16, for GPUs.", Flag()
    )
    checks: int = option(12, "Largest number of validations; the best set is kept.", COUNT)
    memory: float = option(2.0, "GiB that the run may take.", Number(0, 1e6, above=True))
    seed: int = option(0, "Seed of starting images, networks and real batches.", SEED)

    def __post_init__(self) -> None:
        check_fields(self, "distill")
        if self.method not in METHODS:
            raise UserError(f"unknown method {self.method!r:.60}, use one of {', '.join(METHODS)}")
        if self.start not in (None, *STARTS) and not Path(str(self.start)).is_file():
            known = ", ".join(STARTS)
            raise UserError(f"unknown start {brief(self.start)}, use one of {known}, or a file")

    def is_set(self, name: str) -> bool:
        """Whether a setting differs from its default."""
        return bool(getattr(self, name) != type(self).__dataclass_fields__[name].default)

    def filled(self, defaults: dict[str, Any]) -> DistillConfig:
        """The settings with `defaults` for those that are None."""
        missing = {k: v for k, v in defaults.items() if getattr(self, k) is None}
        return dataclasses.replace(self, **missing)

    def made_for(self, classes: int) -> Recipe:
        """The recipe, with the set as one batch; every setting that it needs must be filled."""
        assert self.recipe is not None
        assert self.width is not None
        fields = {"batch": self.ipc * classes, **RECIPES[self.recipe]}
        fields["epochs"] = self.inner_steps or fields["epochs"]
        usual, growth = fields.pop("lr"), fields.pop("growth", 1)
        rate = self.inner_lr or usual
        if fields.get("schedule") == "list":
            fields["learning_rates"] = (rate,) * fields["epochs"]
        else:
            fields["lr"] = rate
        if growth == 1:
            fields["width"] = self.width
        else:
            fields["widths"] = tuple(self.width * growth**block for block in range(self.depth))
        fields |= {"mean": MNIST_MEAN, "std": MNIST_STD, "depth": self.depth}
        return Recipe(model="convnet", known_init=self.known_init, **fields)
