"""Settings of a distillation, and the recipes that a set may be distilled for."""

from __future__ import annotations

import dataclasses
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproduce.commands.options import option
from reproduce.errors import UserError
from reproduce.recipe import Recipe
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

# Each module of this folder is a method.
METHODS = tuple(
    sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "methods")]))
)
STARTS = ("mean", "kmeans", "real", "noise")
LEARNED = ("both", "images", "labels")
RECIPES = ("ridge", "adam", "sgd", "convnet")
MEAN, STD = 0.1307, 0.3081
COUNT, STEPS, WIDTH = Whole(1, 10_000), Whole(1, 100_000), Whole(1, 4096)


@dataclass(frozen=True)
class DistillConfig:
    """Settings of a distillation; None stands for what suits the method.

    Attributes
    ----------
    method : str
        The name of a module of `distill.methods`.
    recipe : str or None
        What the set is made for, and scored by. `ridge`: Adam on the squared error, then the last
        layer by ridge regression; `adam`: the same by gradient alone, the last layer by descent
        from zero; `sgd`: SGD with momentum on the cross-entropy and learned rates; `convnet`: the
        field's protocol, hard labels.

    Raises
    ------
    UserError
        For a value of the wrong type or out of range. Whether an option goes with the method is
        checked by `distill.options.check`.
    """

    method: str = option("staged", f"{', '.join(METHODS)}.", Words())
    ipc: int = option(1, "Images per class.", COUNT)
    steps: int | None = option(
        None, "Updates of the set, at most; else as --minutes allow.", Optional(Whole(1, 10**9))
    )
    minutes: float | None = option(
        None,
        "Minutes to work, at most; else 10 without --steps.",
        Optional(Number(0, 525_600, above=True)),
    )
    recipe: str | None = option(
        None, "How networks are to learn: ridge, adam, sgd or convnet.", Optional(Choice(RECIPES))
    )
    width: int | None = option(None, "Channels of the first block of the ConvNet.", Optional(WIDTH))
    depth: int = option(3, "Blocks of the ConvNet.", Whole(1, 8))
    widen: int = option(
        1, "Networks of the finished set's recipe are so many times wider.", Whole(1, 64)
    )
    inner_steps: int | None = option(
        None, "Steps that a network is trained for on the set.", Optional(STEPS)
    )
    inner_lr: float | None = option(
        None, "Learning rate of the networks.", Optional(Number(0, 1000, above=True))
    )
    window: int | None = option(
        None, "unroll: inner steps that are differentiated; 0 is all.", Optional(Whole(0, 100_000))
    )
    nets: int = option(1, "Networks side by side in an update, of all processes together.", WIDTH)
    pool: int = option(20, "Networks of mixed ages that are kept.", COUNT)
    stride: int = option(
        3, "Inner steps by which a network of the pool ages when it was used.", STEPS
    )
    reuse: int | None = option(None, "Updates from one real batch and network.", Optional(COUNT))
    batch: int | None = option(
        None, "Real images for each network in an update.", Optional(Whole(1, 1_000_000))
    )
    image_lr: float | None = option(
        None,
        "Rate of Adam on images, labels, log rates; cosine.",
        Optional(Number(0, 1e6, above=True)),
    )
    ema: float = option(
        0.999, "Decay of the running mean of the set, which is what is kept.", Number(0, 0.999999)
    )
    start: str | None = option(
        None, "Start: mean, kmeans, real, noise, or a candidate file.", Optional(Words(4096))
    )
    learn: str | None = option(
        None,
        "What is learned: both, images (with hard labels), or labels.",
        Optional(Choice(LEARNED)),
    )
    known_init: int | None = option(
        None, "Distil for one known initialisation, that of a seed.", Optional(SEED)
    )
    smooth: bool = option(False, "krr: softplus for ReLU while distilling.", Flag())
    bf16: bool = option(False, "krr, dm: features of real images in bfloat16, for GPUs.", Flag())
    checks: int = option(12, "Times that the set is validated, at most; the best is kept.", COUNT)
    memory: float = option(2.0, "GiB that a run may take.", Number(0, 1e6, above=True))
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
        assert self.width is not None
        common: dict[str, Any] = {
            "model": "convnet",
            "mean": MEAN,
            "std": STD,
            "batch": self.ipc * classes,
            "depth": self.depth,
            "known_init": self.known_init,
        }
        steps, lr = self.inner_steps, self.inner_lr
        if self.recipe in ("ridge", "adam"):
            widths = tuple(self.width * 2**block for block in range(self.depth))
            common |= {"widths": widths, "norm": "none", "optimiser": "adam", "loss": "mse"}
            common |= {"epochs": steps or 100, "lr": lr or 3e-4}
            return Recipe(
                **common, **({"ridge": 1e-5} if self.recipe == "ridge" else {"head_steps": 300})
            )
        common |= {"width": self.width, "momentum": 0.9}
        if self.recipe == "sgd":
            steps = steps or 15
            rates = (lr or 0.02,) * steps
            return Recipe(**common, epochs=steps, schedule="list", learning_rates=rates)
        common |= {"batch": 256, "epochs": steps or 1001, "lr": lr or 0.01}
        common |= {"weight_decay": 5e-4, "schedule": "halfway", "augment": "dc", "reshuffle": True}
        return Recipe(**common)
