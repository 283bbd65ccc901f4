"""Rules for values: each is declared beside its field, and one function checks all fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from reproduce.errors import UserError
from reproduce.support.text import NAME, brief, checked


class Rule(Protocol):
    """Decides which values are sound."""

    def check(self, value: Any, what: str) -> Any:
        """Return the value in a plain type, or raise a UserError that names `what`."""


@dataclass(frozen=True)
class Number:
    """A number from `least` to `most`, neither a truth value nor NaN.

    Attributes
    ----------
    least, most : float
        The bounds; both are allowed.
    above : bool
        Whether `least` itself is refused.
    """

    least: float
    most: float
    above: bool = False
    words = "a number"
    kinds: ClassVar[tuple[type, ...]] = (int, float)

    def check(self, value: Any, what: str) -> Any:
        """Return an int or a float."""
        if isinstance(value, np.integer | np.floating):
            value = value.item()
        fits = isinstance(value, self.kinds) and not isinstance(value, bool)
        if not fits or not self.least <= value <= self.most or (self.above and value == self.least):
            least, most = _short(self.least), _short(self.most)
            bounds = f"above {least} and up to {most}" if self.above else f"from {least} to {most}"
            raise _unsound(value, what, f"{self.words} {bounds}")
        return value


class Whole(Number):
    """A whole number from `least` to `most`."""

    words = "a whole number"
    kinds: ClassVar[tuple[type, ...]] = (int,)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, value: Any, what: str) -> bool:
        """Return a bool."""
        if not isinstance(value, bool | np.bool_):
            raise _unsound(value, what, "true or false")
        return bool(value)


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: Sequence[str]

    def check(self, value: Any, what: str) -> str:
        """Return the name."""
        if not isinstance(value, str) or value not in self.names:
            known = ", ".join(name or "''" for name in self.names)
            raise _unsound(value, what, f"one of {known}")
        return value


@dataclass(frozen=True)
class Words:
    """A text of `least` to `most` characters that `text.checked` accepts."""

    most: int = NAME
    least: int = 1

    def check(self, value: Any, what: str) -> str:
        """Return the text."""
        return checked(value, what, self.most, self.least)


@dataclass(frozen=True)
class Several:
    """Up to `most` values that all follow one rule; with `distinct`, none occurs twice."""

    each: Rule
    most: int
    distinct: bool = False

    def check(self, value: Any, what: str) -> tuple[Any, ...]:
        """Return a tuple."""
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, list | tuple | range):
            raise _unsound(value, what, "a list")
        if _length(value) > self.most:
            raise UserError(f"{what}: too many values, use at most {self.most:,}")
        values = tuple(self.each.check(one, what) for one in value)
        if self.distinct and len(set(values)) < len(values):
            raise UserError(f"{what}: {brief(values)} has a value twice; give each once")
        return values


@dataclass(frozen=True)
class Named:
    """Up to `most` named values that all follow one rule."""

    each: Rule
    most: int

    def check(self, value: Any, what: str) -> dict[str, Any]:
        """Return a dict."""
        if not isinstance(value, Mapping) or len(value) > self.most:
            raise _unsound(value, what, f"up to {self.most:,} named values")
        return {
            checked(name, f"{what}: a name"): self.each.check(one, f"{what}: {name}")
            for name, one in value.items()
        }


@dataclass(frozen=True)
class Instance:
    """An object of one class; the class checks its own fields."""

    kind: type

    def check(self, value: Any, what: str) -> Any:
        """Return the object."""
        if not isinstance(value, self.kind):
            raise _unsound(value, what, f"a {self.kind.__name__}")
        return value


@dataclass(frozen=True)
class Optional:
    """None, or a value that follows a rule."""

    rule: Rule

    def check(self, value: Any, what: str) -> Any:
        """Return None or the value."""
        return None if value is None else self.rule.check(value, what)


SEED = Whole(0, 2**32 - 1)
SEEDS = Several(SEED, 100_000, distinct=True)


def replicates(seeds: Any) -> tuple[int, ...]:
    """Return the seeds of replicates: one or more, distinct, each from 0 to 2 ** 32 - 1.

    Raises
    ------
    UserError
        For any other value.
    """
    checked_seeds: tuple[int, ...] = SEEDS.check(seeds, "seeds")
    if not checked_seeds:
        raise UserError("no seeds: ask for at least one replicate")
    return checked_seeds


def ruled(default: Any, rule: Rule) -> Any:
    """Return a dataclass field with a rule and a default, or a function that makes the default."""
    if callable(default):
        return dataclasses.field(default_factory=default, metadata={"rule": rule})
    return dataclasses.field(default=default, metadata={"rule": rule})


def check_fields(thing: Any, what: str) -> None:
    """Check the fields of a dataclass that have a rule, and store their values in plain types.

    Raises
    ------
    UserError
        For the first field that breaks its rule: `what: field is value, use ...`.
    """
    for field in dataclasses.fields(thing):
        if "rule" in field.metadata:
            value = field.metadata["rule"].check(
                getattr(thing, field.name), f"{what}: {field.name}"
            )
            object.__setattr__(thing, field.name, value)


def known_fields(kind: type, values: Any, what: str) -> dict[str, Any]:
    """Return a JSON object as arguments for a dataclass; unknown fields raise a UserError."""
    if not isinstance(values, dict):
        raise _unsound(values, what, "an object with named fields")
    unknown = set(values) - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise UserError(f"{what}: unknown fields {brief(sorted(unknown))}; leave them out")
    return dict(values)


def _unsound(value: Any, what: str, use: str) -> UserError:
    return UserError(f"{what} is {brief(value)}, use {use}")


def _short(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _length(values: Sequence[Any]) -> int:
    try:
        return len(values)
    except OverflowError:  # of a range
        return 2**63
