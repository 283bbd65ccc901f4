"""The methods of `--method`: each is the module here that has its name.

A module's `METHOD` says in which stages the method learns and which settings suit it. A new method
is a new module: the command line and the checks of options find it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from distill.config import RECIPES, DistillConfig
from distill.objectives.networks import NetworkObjective

MINUTES = 10.0
BUDGET = ("steps", "minutes", "checks", "memory")  # what a run can be given more of


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes
    ----------
    objective : type
        What the set is improved by, for each learner of the panel that trains networks.
    until : float
        The part of the budget after which it ends, 0 to 1.
    settings : dict
        What suits this stage, where the user gave nothing and the method has something else.
    """

    objective: type[NetworkObjective]
    until: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A way to make a set.

    Attributes
    ----------
    stages : tuple of Stage
        None for a method that only makes a start.
    settings : dict
        What suits the method, where the user gave nothing.
    networks, surrogates : bool
        Whether it takes learners that train networks, and others, by their surrogates.
    """

    stages: tuple[Stage, ...]
    settings: dict[str, Any]
    networks: bool = True
    surrogates: bool = False


def find(name: str) -> Method:
    """The method with this name, one of `distill.config.METHODS`."""
    found: Method = import_module(f"distill.methods.{name}").METHOD
    return found


def filled(config: DistillConfig, stage: int = 0) -> DistillConfig:
    """The settings of a stage, with the method's own where the user gave none.

    Parameters
    ----------
    config : DistillConfig
        As the user gave it.
    stage : int
        Position in the method's stages.
    """
    method = find(config.method)
    settings = dict(method.settings)
    if method.stages:
        settings |= method.stages[stage].settings
        if config.steps is None:
            settings["minutes"] = MINUTES
    if not set(config.protocols or settings["protocols"]) <= set(RECIPES):
        settings["learn"] = "images"  # hard labels are what every learner takes
        del settings["width"]  # networks are as wide as the protocols have them
    return config.filled(settings)


def identity(config: DistillConfig) -> str:
    """All settings of all stages but the budget, so that a run can be given more."""
    numbers = range(max(1, len(find(config.method).stages)))
    stages = [dataclasses.asdict(filled(config, number)) for number in numbers]
    kept = [{k: v for k, v in stage.items() if k not in BUDGET} for stage in stages]
    return json.dumps(kept, sort_keys=True)
