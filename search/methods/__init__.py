"""Search methods: every file here that defines a `METHOD` is one, under the file's name.

A name has `-` where the file has `_`.

A new method is one new file. The command line, its defaults and the contract tests find it by
looking into this folder.
"""

from __future__ import annotations

import importlib
import pkgutil

from reproduce.errors import UserError
from search.methods.base import Finished, Method, View

__all__ = ["METHODS", "Finished", "Method", "View", "named"]


def _found() -> dict[str, Method]:
    """The methods of this folder, by name."""
    found = {}
    for file in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{file.name}")
        if hasattr(module, "METHOD"):
            found[file.name.replace("_", "-")] = module.METHOD
    return found


METHODS: dict[str, Method] = _found()


def named(name: str) -> Method:
    """The method called `name`; UserError for an unknown one."""
    if name not in METHODS:
        raise UserError(f"unknown method {name!r}, use one of {', '.join(METHODS)}")
    return METHODS[name]
