"""Which options go together: an option is obeyed or refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from distill import methods
from distill.config import DistillConfig
from distill.synthetic import widened
from reproduce.data import Dataset
from reproduce.errors import UserError

SPECIFIC = ("window", "smooth", "bf16")  # objectives name those of them that they obey
LEARNING = (
    *("steps", "minutes", "nets", "pool", "stride", "reuse", "batch", "image_lr", "ema", "start"),
    *("learn", "checks", "memory", *SPECIFIC),
)


def check(config: DistillConfig, data: Dataset) -> None:
    """Refuse options without effect, networks that are too wide, and impossible batches.

    Parameters
    ----------
    config : DistillConfig
        As the user gave it, with None for what the method decides.
    data : Dataset

    Raises
    ------
    UserError
    """
    for option, reason in (*_by_method(config), *_by_pool(config), *_by_recipe(config)):
        if config.is_set(option):
            raise UserError(f"--{option.replace('_', '-')} has no effect: {reason}")
    widened(methods.filled(config).made_for(len(data.classes)), config.widen)
    if config.batch is not None:
        for stage in methods.find(config.method).stages:
            stage.objective.check_batch(config.batch, data)


def _by_method(config: DistillConfig) -> Iterator[tuple[str, str]]:
    """Options that the method does not use, each with the reason."""
    objectives = [stage.objective for stage in methods.find(config.method).stages]
    if not objectives:
        yield from ((option, f"{config.method} learns nothing") for option in LEARNING)
        if config.ipc == 1:
            yield "seed", f"{config.method} of one image a class draws nothing at random"
        return
    obeyed = {option for objective in objectives for option in objective.OBEYS}
    for option in SPECIFIC:
        if option not in obeyed:
            yield option, f"method {config.method} does not use it"
    for objective in objectives:
        yield from objective.refused(config)


def _by_pool(config: DistillConfig) -> Iterator[tuple[str, str]]:
    """Settings of the pool where all networks are always new, and windows that are too long."""
    steps = methods.filled(config).made_for(2).epochs
    if (config.window or 0) > steps:
        yield "window", f"networks are trained for only {steps} steps"
    stages = methods.find(config.method).stages
    for number, stage in enumerate(stages):
        filled = methods.filled(config, number)
        youngest, oldest = stage.objective.ages(filled, filled.made_for(2).epochs)
        if youngest < oldest:
            return
    if stages:
        reason = "here every network is new; a pool goes with krr, with unroll --window, or with dc"
        yield from ((option, reason) for option in ("pool", "stride"))


def _by_recipe(config: DistillConfig) -> Iterator[tuple[str, str]]:
    """Options that the recipe overrides."""
    if methods.filled(config).recipe == "convnet" and config.learn != "images":
        yield "learn", "recipe convnet is the field's protocol, whose labels are hard"
    if config.known_init is not None:
        yield "widen", "a wider network has another initialisation than the known one"
