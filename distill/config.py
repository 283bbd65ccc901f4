"""Settings of a distillation, and the recipes that a set may be distilled for."""

from __future__ import annotations

import dataclasses
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.starts import STARTS
from reproduce.commands.options import HOW, LONG, WHAT, WHERE, option
from reproduce.errors import UserError
from reproduce.images.distortion import Distortion
from reproduce.recipe import FRAMES
from reproduce.support.schema import (
    SEED,
    Choice,
    Flag,
    Number,
    Optional,
    Several,
    Whole,
    Words,
    check_fields,
)
from reproduce.support.text import brief

FOLDER = Path(__file__).parent / "methods"
FILES = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
METHODS = tuple(sorted(name.replace("_", "-") for name in FILES))
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
}
COUNT, STEPS, WIDTH = Whole(1, 10_000), Whole(1, 100_000), Whole(1, 4096)


@dataclass(frozen=True)
class DistillConfig:
    """Settings of a distillation; None stands for what suits the method.

    Attributes
    ----------
    method : str
        The name of a module of `distill.methods`, or `module:attribute` of your own: a
        `distill.methods.Method`, or a class derived from `distill.objectives.base.Objective`.
    protocols : tuple of str or None
        The learners that the set is made for, while it is made and when it is scored: protocols of
        `reproduce.protocols`, or one of the recipes that a set carries itself. `ridge`: Adam on the
        squared error, then the last layer by ridge regression. `adam`: the same by gradient alone,
        the last layer by descent from zero. `sgd`: SGD with momentum on the cross-entropy, at
        learned rates.

    Raises
    ------
    UserError
        For a value of the wrong type or out of range. `distill.options.check` checks which
        settings go together.
    """

    method: str = option(
        "staged",
        f"How the set is made: {', '.join(METHODS)}; or a method of your own, module:attribute.",
        Words(1000),
        group=HOW,
    )
    ipc: int = option(1, "Images per class.", COUNT, group=WHAT)
    steps: int | None = option(
        None,
        "Largest number of updates of the set. Default: what --minutes allow.",
        Optional(Whole(1, 10**9)),
        group=LONG,
    )
    minutes: float | None = option(
        None,
        "Largest time of work, in minutes. Default: 10 without --steps.",
        Optional(Number(0, 525_600, above=True)),
        group=LONG,
    )
    protocols: tuple[str, ...] | None = option(
        None,
        "Learners that the set is made for, with commas between: protocols as `score` knows them, "
        f"or a recipe that the set carries: {', '.join(RECIPES)}. Default: the method's.",
        Optional(Several(Words(), 100)),
        flag="--for",
        group=WHAT,
    )
    weights: tuple[float, ...] | None = option(
        None,
        "Shares of updates for the learners of --for, with commas between. Default: the weakest "
        "learner at the last validation gets most.",
        Optional(Several(Number(0, 1e6, above=True), 100)),
        group=WHAT,
    )
    faint: float = option(
        0.0,
        "Pixels below this are shown as 0. Forests split on single pixels, and traces of ink that "
        "real images lack mislead them.",
        Number(0, 0.9),
        group=WHAT,
    )
    bounded: bool = option(
        False, "Keep pixels within 0..1, where images can be printed.", Flag(), group=WHAT
    )
    width: int | None = option(
        None,
        "Channels of the networks while distilling. Default: the protocol's; of recipes, the "
        "method's.",
        Optional(WIDTH),
        group=HOW,
    )
    depth: int | None = option(
        None,
        "Blocks of the networks while distilling. Default: the protocol's; 3 of recipes.",
        Optional(Whole(1, 8)),
        group=HOW,
    )
    frame: str | None = option(
        None,
        "Where the set's images lie: plain, as the data has them; or deskew, upright and centred, "
        "and what is read is set upright. Default: that of the file to start from, else plain.",
        Optional(Choice(FRAMES)),
        group=WHAT,
    )
    widen: int = option(
        1,
        "Factor by which the finished set's recipe has wider networks.",
        Whole(1, 64),
        group=HOW,
    )
    inner_steps: int | None = option(
        None,
        "Steps that train a network on the set. Default: the recipe's.",
        Optional(STEPS),
        group=HOW,
    )
    inner_lr: float | None = option(
        None,
        "Learning rate of the networks. Default: the recipe's.",
        Optional(Number(0, 1000, above=True)),
        group=HOW,
    )
    window: int | None = option(
        None,
        "For unroll: inner steps that are differentiated; 0 is all.",
        Optional(Whole(0, 100_000)),
        group=HOW,
    )
    nets: int = option(1, "Networks that each update uses, over all processes.", WIDTH, group=HOW)
    pool: int = option(20, "Stacks of networks of mixed ages that are kept.", COUNT, group=HOW)
    stride: int | None = option(
        None,
        "Inner steps that a stack of the pool takes after each use. Default: 3; for the essay's "
        "net, whose steps are quick, a twentieth of the training.",
        Optional(STEPS),
        group=HOW,
    )
    reuse: int | None = option(
        None,
        "Updates with one real batch and stack. Default: the method's.",
        Optional(COUNT),
        group=HOW,
    )
    batch: int | None = option(
        None,
        "Real images for each network in an update. Default: the method's.",
        Optional(Whole(1, 1_000_000)),
        group=HOW,
    )
    distort: str = option(
        "",
        "Distortions of real images, drawn anew for each batch, as names of protocols have them: "
        "rotate=8+elastic=17. Default: none.",
        Words(200, least=0),
        group=HOW,
    )
    image_lr: float | None = option(
        None,
        "Adam's first learning rate for images, labels and logarithms of rates; it follows a "
        "cosine. Default: the method's.",
        Optional(Number(0, 1e6, above=True)),
        group=HOW,
    )
    cool: float = option(
        0.1,
        "Part of --image-lr that is left at the end. 1 keeps the rate as it is, for a run that "
        "another one goes on with.",
        Number(0, 1),
        group=HOW,
    )
    ema: float = option(
        0.999,
        "Decay of the set's running mean, which is what is kept.",
        Number(0, 0.999999),
        group=HOW,
    )
    blur: float = option(
        0.0,
        "Pixels by which the gradient of images is blurred, so that neighbouring pixels change "
        "together.",
        Number(0, 10),
        group=HOW,
    )
    start: str | None = option(
        None,
        f"Images to start from: {', '.join(STARTS)}, or a candidate file. Default: the method's.",
        Optional(Words(4096)),
        group=WHAT,
    )
    learn: str | None = option(
        None,
        "What is learned: both, images (labels stay hard) or labels. Default: the method's.",
        Optional(Choice(LEARNED)),
        group=WHAT,
    )
    known_init: int | None = option(
        None,
        "Seed of the one initialisation that the set is made for.",
        Optional(SEED),
        group=WHAT,
    )
    smooth: bool = option(
        False, "For krr: softplus in place of ReLU while distilling.", Flag(), group=HOW
    )
    bf16: bool = option(
        False,
        "For krr and dm: features of real images in bfloat16, for GPUs.",
        Flag(),
        group=HOW,
    )
    checks: int | None = option(
        None,
        "Largest number of validations; the best set is kept. Default: 12, but at most one for ten "
        "updates, and at most a fifth of --minutes.",
        Optional(COUNT),
        group=LONG,
    )
    memory: float = option(
        2.0,
        "GiB that the run may take, networks of the final scores as well.",
        Number(0, 1e6, above=True),
        group=WHERE,
    )
    seed: int = option(0, "Seed of starting images, networks and real batches.", SEED, group=HOW)

    def __post_init__(self) -> None:
        check_fields(self, "distill")
        if self.distort and Distortion().changed(self.distort).mix:
            raise UserError("distort: real images keep their labels; leave mix out")
        if self.method not in METHODS and ":" not in self.method:
            known = ", ".join(METHODS)
            raise UserError(
                f"unknown method {self.method!r:.60}, use one of {known}, or module:attribute"
            )
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
