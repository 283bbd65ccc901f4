"""The methods by name: each is a row of stages, an objective and its share of the run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from distill.config import DistillConfig
from distill.objectives.base import Objective
from distill.objectives.dc import GradientMatching
from distill.objectives.dm import DistributionMatching
from distill.objectives.krr import KernelRidge
from distill.objectives.unroll import Unroll
from reproduce.errors import UserError


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes
    ----------
    objective : type
    until : float
        The part of the budget after which it ends, 0 to 1.
    settings : dict
        Settings of this part that the user did not give.
    """

    objective: type[Objective]
    until: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)


POLISH = {"window": 10, "reuse": 1, "batch": 256, "image_lr": 1e-3}
METHODS: dict[str, tuple[Stage, ...]] = {
    "staged": (Stage(KernelRidge, until=0.8), Stage(Unroll, settings=POLISH)),
    "krr": (Stage(KernelRidge),),
    "unroll": (Stage(Unroll),),
    "dc": (Stage(GradientMatching),),
    "dm": (Stage(DistributionMatching),),
    "kmeans": (),
    "means": (),
}
# A method takes the settings of its first objective where the user says nothing; those without
# one make images that are scored as the others' are.
WITHOUT = {
    "kmeans": KernelRidge.DEFAULTS | {"start": "kmeans", "learn": "images"},
    "means": KernelRidge.DEFAULTS | {"start": "mean", "learn": "images"},
}
MINUTES = 10.0


def filled(config: DistillConfig, stage: int = 0) -> DistillConfig:
    """The settings of a stage, with the method's own where the user gave none.

    Parameters
    ----------
    config : DistillConfig
        As the user gave it.
    stage : int
        Position in the method's stages.

    Raises
    ------
    UserError
        For an unknown method.
    """
    if config.method not in METHODS:
        raise UserError(f"unknown method {config.method!r:.60}, use one of {', '.join(METHODS)}")
    stages = METHODS[config.method]
    defaults = dict(stages[0].objective.DEFAULTS) if stages else dict(WITHOUT[config.method])
    if stages and config.steps is None:
        defaults["minutes"] = MINUTES
    if config.recipe == "convnet":  # the field's protocol knows hard labels
        defaults["learn"] = "images"
    own = stages[stage].settings if stages else {}
    return config.filled(defaults | own)


def settled(config: DistillConfig) -> str:
    """All settings of all stages but the budget, so that a run can be given more."""
    budget = ("steps", "minutes", "checks", "memory")
    numbers = range(max(1, len(METHODS[config.method])))
    stages = [dataclasses.asdict(filled(config, number)) for number in numbers]
    kept = [{k: v for k, v in stage.items() if k not in budget} for stage in stages]
    return json.dumps(kept, sort_keys=True)
