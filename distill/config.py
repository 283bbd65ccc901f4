"""Settings of a distillation, and the recipes that a set may be distilled for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproduce.command import option
from reproduce.errors import UserError
from reproduce.recipe import Recipe

STARTS = ("mean", "kmeans", "real", "noise")
LEARNED = ("both", "images", "labels")
RECIPES = ("ridge", "adam", "sgd", "convnet")
MEAN, STD = 0.1307, 0.3081


@dataclass(frozen=True)
class DistillConfig:
    """Settings of a distillation; None stands for what suits the method (`methods.DEFAULTS`).

    Attributes
    ----------
    method : str
        A name of `distill.methods.METHODS`.
    recipe : str or None
        What the set is made for, and scored by. `ridge`: Adam on the squared error, then the last
        layer by ridge regression; `adam`: the same by gradient alone, the last layer by descent
        from zero; `sgd`: SGD with momentum on the cross-entropy and learned rates; `convnet`: the
        field's protocol, hard labels.
    """

    method: str = option("staged", "staged, krr, unroll, dc, dm, kmeans or means.")
    ipc: int = option(1, "Images per class.")
    steps: int | None = option(None, "Updates of the set, at most; else as --minutes allow.")
    minutes: float | None = option(None, "Minutes to work, at most; else 10 without --steps.")
    recipe: str | None = option(None, "How networks are to learn: ridge, adam, sgd or convnet.")
    width: int | None = option(None, "Channels of the first block of the ConvNet.")
    depth: int = option(3, "Blocks of the ConvNet.")
    widen: int = option(1, "Networks of the finished set's recipe are so many times wider.")
    inner_steps: int | None = option(None, "Steps that a network is trained for on the set.")
    inner_lr: float | None = option(None, "Learning rate of the networks.")
    window: int | None = option(None, "Inner steps that are differentiated; 0 is all (unroll).")
    nets: int = option(1, "Networks side by side in an update, of all processes together.")
    pool: int = option(20, "Networks of mixed ages that are kept.")
    stride: int = option(3, "Inner steps by which a network of the pool ages when it was used.")
    reuse: int | None = option(None, "Updates from one real batch and network.")
    batch: int | None = option(None, "Real images for each network in an update.")
    image_lr: float | None = option(None, "Rate of Adam on images, labels, log rates; cosine.")
    ema: float = option(0.999, "Decay of the running mean of the set, which is what is kept.")
    start: str | None = option(None, "Start: mean, kmeans, real, noise, or a candidate file.")
    learn: str | None = option(None, "What is learned: both, images (with hard labels), or labels.")
    known_init: int | None = option(None, "Distil for one known initialisation, that of a seed.")
    smooth: bool = option(False, "krr: softplus for ReLU while distilling.")
    bf16: bool = option(False, "krr: features of real images in bfloat16, for GPUs.")
    checks: int = option(12, "Times that the set is validated; the best is kept.")
    memory: float = option(2.0, "GiB that an update may take.")
    seed: int = option(0, "Seed of starting images, networks and real batches.")

    def __post_init__(self) -> None:
        for name, names in (("learn", (None, *LEARNED)), ("recipe", (None, *RECIPES))):
            if getattr(self, name) not in names:
                known = ", ".join(n for n in names if n)
                raise UserError(f"unknown {name} {getattr(self, name)!r}, use one of {known}")
        if self.start not in (None, *STARTS) and not Path(str(self.start)).exists():
            known = ", ".join(STARTS)
            raise UserError(f"unknown start {self.start!r}, use one of {known}, or a file")
        at_least = dict.fromkeys(("steps", "ipc", "width", "depth", "inner_steps", "nets"), 1)
        at_least |= dict.fromkeys(("pool", "stride", "reuse", "batch", "widen"), 1)
        at_least |= {"window": 0, "checks": 1}
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"--{name.replace('_', '-')} must be at least {least}")
        for name in ("minutes", "inner_lr", "image_lr", "memory"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"--{name.replace('_', '-')} must be positive")
        if not 0 <= self.ema < 1:
            raise UserError("--ema must be at least 0 and less than 1")

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
