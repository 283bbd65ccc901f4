"""The methods by name: each is a row of stages, each stage an objective and its share of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distill.config import DistillConfig
from distill.krr import KernelRidge
from distill.objective import Objective
from reproduce.errors import UserError


@dataclass(frozen=True)
class Stage:
    """A part of a run: an objective, and the share of the budget after which it ends."""

    objective: type[Objective]
    until: float = 1.0


METHODS: dict[str, tuple[Stage, ...]] = {
    "krr": (Stage(KernelRidge),),
    "kmeans": (),
    "means": (),
}
# What a method takes where the user says nothing; one with stages asks its first objective.
DEFAULTS: dict[str, dict[str, Any]] = {
    "kmeans": KernelRidge.DEFAULTS | {"start": "kmeans"},
    "means": KernelRidge.DEFAULTS | {"start": "mean"},
}
MINUTES = 10.0


def filled(config: DistillConfig) -> DistillConfig:
    """The settings with the method's own where the user gave none.

    Raises
    ------
    UserError
        For an unknown method.
    """
    if config.method not in METHODS:
        raise UserError(f"unknown method {config.method!r}, use one of {', '.join(METHODS)}")
    stages = METHODS[config.method]
    defaults = dict(stages[0].objective.DEFAULTS) if stages else DEFAULTS[config.method]
    if config.steps is None:
        defaults["minutes"] = MINUTES
    return config.filled(defaults)
