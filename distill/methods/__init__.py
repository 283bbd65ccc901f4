"""The methods of `--method`: each is the module here that has its name, with `_` for `-`.

A module's `METHOD` says in which stages the method learns and which settings suit it. A new method
is a new module: the command line and the checks of options find it. So do they with a method of the
user's own, `--method module:attribute`.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from distill.config import RECIPES, DistillConfig
from distill.objectives.base import Objective
from distill.objectives.surrogate import SurrogateObjective
from distill.panel import Member
from reproduce.errors import UserError
from reproduce.support.identity import identity as identity_of
from reproduce.support.modules import attribute_named
from reproduce.support.schema import known_fields
from reproduce.support.text import brief

MINUTES = 10.0
BUDGET = ("steps", "minutes", "checks", "memory")  # what a run can be given more of


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes
    ----------
    objective : type
        What the set is improved by, for each learner of the panel that trains networks: a class
        derived from `distill.objectives.base.Objective`.
    models : dict of str to type
        The same for networks of these models (`Recipe.model`), where that is something else.
    until : float
        The part of the budget after which it ends, 0 to 1.
    settings : dict
        What suits this stage, where the user gave nothing and the method has something else.
    """

    objective: type[Objective]
    until: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, type[Objective]] = field(default_factory=dict)

    @property
    def objectives(self) -> tuple[type[Objective], ...]:
        """What the set may be improved by."""
        return (self.objective, *self.models.values())

    def kind(self, member: Member) -> type[Objective]:
        """The objective for one learner."""
        if member.recipe is None:
            return SurrogateObjective
        return self.models.get(member.recipe.model, self.objective)


@dataclass(frozen=True)
class Method:
    """A way to make a set.

    Attributes
    ----------
    stages : tuple of Stage
        None for a method that only makes a start.
    settings : dict
        What suits the method, where the user gave nothing. A method of the user's own has those of
        `krr` for what it leaves out.
    networks, surrogates : bool
        Whether it takes learners that train networks, and others, by their surrogates.
    """

    stages: tuple[Stage, ...]
    settings: dict[str, Any]
    networks: bool = True
    surrogates: bool = False


def find(name: str) -> Method:
    """The method with this name: one of `distill.config.METHODS`, or `module:attribute`.

    Raises
    ------
    UserError
        When a name of the user's own leads to nothing, or to something that is no method.
    """
    if ":" in name:
        return own(name)
    module = import_module(f"distill.methods.{name.replace('-', '_')}")
    found: Method = module.METHOD
    return found


def own(name: str) -> Method:
    """The method that the user wrote at `module:attribute`, with settings of `krr` behind its own.

    An objective is a method of one stage.
    """
    found = attribute_named(name, "method")
    method = Method((Stage(found),), {}) if isinstance(found, type) else found
    if not isinstance(method, Method):
        kind = type(found).__name__
        raise UserError(f"method {name!r}: a {kind}; give a Method, or a class of Objective")
    known_fields(DistillConfig, method.settings, f"settings of method {name!r}")
    if not isinstance(method.stages, tuple) or not all(isinstance(s, Stage) for s in method.stages):
        raise UserError(f"method {name!r}: stages is {brief(method.stages)}, use a tuple of Stage")
    for stage in method.stages:
        _check_stage(name, stage)
    return dataclasses.replace(method, settings={**find("krr").settings, **method.settings})


def _check_stage(name: str, stage: Stage) -> None:
    """Raise UserError where a stage of a user's method has no objective that can be computed."""
    known_fields(DistillConfig, stage.settings, f"settings of method {name!r}")
    for kind in stage.objectives:
        if not (isinstance(kind, type) and issubclass(kind, Objective)):
            said = getattr(kind, "__name__", type(kind).__name__)
            raise UserError(f"method {name!r}: {said} is not derived from Objective")
        if inspect.isabstract(kind):
            missing = ", ".join(sorted(kind.__abstractmethods__))
            raise UserError(f"method {name!r}: {kind.__name__} has no {missing}")


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
    """All settings of all stages but the budget, so that a run can be given more.

    Of a user's own method the code counts, too.
    """
    stages = find(config.method).stages
    settings = [dataclasses.asdict(filled(config, n)) for n in range(max(1, len(stages)))]
    kept: list[Any] = [{k: v for k, v in one.items() if k not in BUDGET} for one in settings]
    if ":" in config.method:
        kept += [[stage.until, *map(identity_of, stage.objectives)] for stage in stages]
    return json.dumps(kept, sort_keys=True)
