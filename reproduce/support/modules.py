"""Code of the user's own, named as module:attribute, from a module that Python finds.

Such a name comes from the command line or from Python. It is never taken from a file: a file that
names code must not run it.
"""

from __future__ import annotations

import importlib
import operator
import sys
from pathlib import Path
from typing import Any

from reproduce.errors import UserError
from reproduce.support.text import printable


def attribute_named(name: str, what: str) -> Any:
    """What stands at `module:attribute`, of an installed module or one in the working folder.

    The working folder stays where Python looks for modules, though behind all others, so that
    worker processes find the module, too.

    Parameters
    ----------
    name : str
    what : str
        What it is to be, for messages: `oracle`.

    Raises
    ------
    UserError
        When there is no such module or attribute.
    """
    module, _, attribute = name.partition(":")
    if not (module and attribute) or module.startswith("."):
        raise UserError(f"{what} {name!r}: give module:name")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return operator.attrgetter(attribute)(importlib.import_module(module))
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a module runs code of its own
        raise UserError(f"{what} {name!r}: {told(error)}") from None
    finally:
        sys.path.pop(0)
        if here not in sys.path:
            sys.path.append(here)


def told(error: BaseException) -> str:
    """An error of a user's code, in one line that can be shown anywhere."""
    try:
        said = printable(" ".join(str(error).split()))
    except Exception:  # an error's __str__ may fail
        said = ""
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__
