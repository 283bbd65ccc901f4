"""Names of protocols, and the learners that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from reproduce.candidate import Candidate
from reproduce.errors import UserError
from reproduce.images.distortion import Distortion
from reproduce.recipe import Recipe
from reproduce.scoring.learners import Learner
from reproduce.scoring.mixture import Mixture
from reproduce.scoring.network import Network
from reproduce.support.modules import attribute_named, told
from reproduce.support.text import checked

Protocol = Callable[[Candidate], Recipe | Learner]
PROTOCOLS: dict[str, Protocol] = {}
# By the first part of their names: families with too many members to be registered each.
FAMILIES: dict[str, Callable[[str], Protocol]] = {}
P = TypeVar("P", bound=Protocol)
LONGEST, MEMBERS = 1000, 20  # characters of a name, protocols of a mixture


def protocol(name: str) -> Callable[[P], P]:
    """Register the decorated function as the protocol `name`."""

    def register(function: P) -> P:
        PROTOCOLS[name] = function
        return function

    return register


def family(prefix: str) -> Callable[[Callable[[str], Protocol]], Callable[[str], Protocol]]:
    """Register the decorated function, which makes the protocol of any name that begins so."""

    def register(function: Callable[[str], Protocol]) -> Callable[[str], Protocol]:
        FAMILIES[prefix] = function
        return function

    return register


def learner(name: str, candidate: Candidate) -> Learner:
    """What a protocol's name stands for, for this candidate.

    Parameters
    ----------
    name : str
        A registered name, one of a family, as `transfer-resnet18-layer3-logistic`, or a function
        of your own, `module:function`; with distortions,
        `conv-shift1+rotate=15+elastic=34`, whose parts are fields of `Distortion`; or up to 20 of
        these whose probabilities are averaged, `a&b`.
    candidate : Candidate

    Raises
    ------
    UserError
        For an unknown name or field, for parts that do not go together, and for a part of a
        mixture that gives no probabilities.
    """
    parts = checked(name, "protocol", LONGEST, least=0).split("&")
    if len(parts) > MEMBERS:
        raise UserError(f"a mixture of {len(parts)} protocols; use {MEMBERS} at most")
    if len(parts) > 1:
        return Mixture(tuple(_member(part, candidate) for part in parts))
    base, distorted, changes = name.partition("+")
    made = _own(base, candidate) if ":" in base else _named(base)(candidate)
    if distorted:
        made = _distorted(made, base, changes)
    return Network(made) if isinstance(made, Recipe) else made


def recipe(name: str, candidate: Candidate) -> Recipe | None:
    """The recipe by which a protocol trains a network; None where it does something else.

    Raises
    ------
    UserError
        As `learner` does.
    """
    made = learner(name, candidate)
    return made.recipe if isinstance(made, Network) else None


def _named(name: str) -> Protocol:
    """The registered protocol, or that of a family."""
    prefix = name.partition("-")[0]
    if name not in PROTOCOLS and prefix in FAMILIES:
        return FAMILIES[prefix](name)
    if name not in PROTOCOLS:
        raise UserError(f"unknown protocol {name!r}, use one of {', '.join(names())}")
    return PROTOCOLS[name]


def _own(name: str, candidate: Candidate) -> Recipe | Learner:
    """What a user's function at `module:function` answers for a candidate."""
    function = attribute_named(name, "protocol")
    try:
        made = function(candidate)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"protocol {name!r} failed: {told(error)}") from error
    if not isinstance(made, Recipe | Learner):
        raise UserError(f"protocol {name!r} returned a {type(made).__name__}; return a Recipe")
    return made


def _member(name: str, candidate: Candidate) -> Learner:
    made = learner(name, candidate)
    if made.gives_probabilities:
        return made
    others = [other for other in names() if other != "own"]
    fit = ", ".join(other for other in others if learner(other, candidate).gives_probabilities)
    raise UserError(f"{name} gives no probabilities to average; these do: {fit}")


def _distorted(made: Recipe | Learner, base: str, changes: str) -> Recipe:
    """The recipe with its distortion changed, field by field."""
    if not isinstance(made, Recipe):
        raise UserError(f"{base} trains no network, so it takes no distortion")
    distortion = (made.distortion or Distortion()).changed(changes)
    return replace(made, augment="distort", distortion=distortion)


def names() -> list[str]:
    """The names of all protocols but those of families, in the order of their registration."""
    return [name for name in PROTOCOLS if name.partition("-")[0] not in FAMILIES]
