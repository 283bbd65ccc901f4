"""The calibrated oracle: data, candidates, protocols, scoring and the essay's experiments."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reproduce.candidate import Candidate
    from reproduce.data import Dataset, ImageSet, load
    from reproduce.errors import UserError
    from reproduce.oracle import Fidelity, Oracle
    from reproduce.recipe import Recipe

__all__ = ["Candidate", "Dataset", "Fidelity", "ImageSet", "Oracle", "Recipe", "UserError", "load"]

# Imported when they are asked for: PyTorch takes seconds, which `supertrainer --help` need not.
_HOMES = {
    "Candidate": "candidate",
    "Dataset": "data",
    "Fidelity": "oracle",
    "ImageSet": "data",
    "Oracle": "oracle",
    "Recipe": "recipe",
    "UserError": "errors",
    "load": "data",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
