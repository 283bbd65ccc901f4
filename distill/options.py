"""Which options go with which: an option is obeyed or refused, never dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distill import stages
from distill.config import STARTS, DistillConfig
from distill.objectives.dc import GradientMatching
from distill.objectives.dm import DistributionMatching
from distill.objectives.matching import Matching
from distill.synthetic import widened
from reproduce.data import Dataset
from reproduce.errors import UserError

OF_LEARNING = (
    *("steps", "minutes", "window", "nets", "pool", "stride", "reuse", "batch", "image_lr"),
    *("ema", "start", "learn", "smooth", "bf16", "checks", "memory"),
)


def check(asked: DistillConfig, data: Dataset) -> None:
    """Refuse options without effect, and sets that the data cannot begin.

    Parameters
    ----------
    asked : DistillConfig
        As the user gave it, with None for what the method decides.
    data : Dataset

    Raises
    ------
    UserError
    """
    configs = [stages.filled(asked, stage) for stage in range(len(_kinds(asked)))]
    rules = [_of_method(asked), _of_pool(asked, configs), _of_recipe(asked)]
    for option, reason in (pair for rule in rules for pair in rule):
        if asked.given(option):
            raise UserError(f"--{option.replace('_', '-')} has no effect: {reason}")
    widened(stages.filled(asked).made_for(len(data.classes)), asked.widen)
    _check_data(stages.filled(asked), asked, data)


def _kinds(asked: DistillConfig) -> list[type]:
    stages.filled(asked)  # an unknown method is said to be one
    return [stage.objective for stage in stages.METHODS[asked.method]]


def _of_method(asked: DistillConfig) -> Iterator[tuple[str, str]]:
    """Options that the method takes no notice of."""
    kinds = stages.METHODS[asked.method]
    if not kinds:
        yield from ((name, f"{asked.method} learns nothing") for name in OF_LEARNING)
        if asked.ipc == 1:
            yield "seed", f"{asked.method} of one image a class knows no chance"
        return
    obeyed = {name for stage in kinds for name in stage.objective.OBEYS}
    for name in ("window", "smooth", "bf16"):
        if name not in obeyed:
            yield name, f"method {asked.method} does not use it"
    if any(stage.objective is DistributionMatching for stage in kinds) and asked.learn != "images":
        yield "learn", "dm compares features, which no label changes"


def _of_pool(asked: DistillConfig, configs: list[DistillConfig]) -> Iterator[tuple[str, str]]:
    """Settings of the pool where all networks are always new, and of windows that are too long."""
    kinds = stages.METHODS[asked.method]
    ages = [
        kind.objective.ages(config, config.made_for(2).epochs)
        for kind, config in zip(kinds, configs, strict=True)
    ]
    if configs and all(youngest == oldest for youngest, oldest in ages):
        reason = "here every network is new; a pool goes with krr, with unroll --window, with dc"
        yield from ((name, reason) for name in ("pool", "stride"))
    steps = stages.filled(asked).made_for(2).epochs
    if (asked.window or 0) > steps:
        yield "window", f"networks are trained for {steps} steps alone"


def _of_recipe(asked: DistillConfig) -> Iterator[tuple[str, str]]:
    """Options that the recipe overrides."""
    recipe = stages.filled(asked).recipe
    if recipe == "convnet" and asked.learn != "images":
        yield "learn", "recipe convnet is the field's protocol, whose labels are hard"
    if any(kind is GradientMatching for kind in _kinds(asked)) and recipe in ("ridge", "adam"):
        yield "recipe", "dc matches gradients of the cross-entropy; use sgd or convnet"
    if asked.known_init is not None:
        yield "widen", "a wider network has another initialisation than the known one"


def _check_data(config: DistillConfig, asked: DistillConfig, data: Dataset) -> None:
    """Refuse what the training images cannot give."""
    fewest = int(np.bincount(data.train.labels, minlength=len(data.classes)).min())
    if config.start in STARTS and config.start != "noise" and config.ipc > fewest:
        raise UserError(
            f"--ipc is {config.ipc}, but a class has only {fewest} training images to start from; "
            "use fewer, or --start noise"
        )
    if asked.batch is None:
        return
    if asked.batch > len(data.train):
        raise UserError(f"--batch is {asked.batch}, use at most the {len(data.train)} real images")
    if any(issubclass(kind, Matching) for kind in _kinds(asked)):
        classes = len(data.classes)
        if asked.batch % classes:
            raise UserError(f"--batch is {asked.batch}, use a multiple of the {classes} classes")
