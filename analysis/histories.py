"""The histories of distillations, as a run leaves them beside its checkpoint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.formats import HISTORY
from reproduce.errors import UserError
from reproduce.recipe import marked
from reproduce.support.files import read_input
from reproduce.support.schema import Number, Optional, Rule, Whole, Words
from reproduce.support.text import printable

COUNT, ANY = Whole(0, 2**62), Number(-1e300, 1e300)
NOTED: dict[str, Rule] = {
    "step": COUNT,
    "done": Number(0, 1),
    "seconds": Number(0, 1e300),
    "loss": Optional(ANY),
    "accuracy": Number(0, 100),
}


def histories(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name, with the frame of the set, and content of each tracked run's history.

    A file that is torn, or holds anything else, is passed over with a line on standard error.
    """
    for path in sorted((folder / "measures" / "histories").glob(f"*{HISTORY}")):
        try:
            content = _checked(path)
            name = marked(path.name.removesuffix(HISTORY), content["config"].get("frame", "plain"))
            yield printable(name), content
        except (OSError, ValueError, LookupError, TypeError, RecursionError, UserError) as error:
            reason = str(error) if isinstance(error, UserError) else type(error).__name__
            line = f"passed over: {path.name}: no history of a distillation ({reason})"
            print(printable(line), file=sys.stderr)


def _checked(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(read_input(path))
    Words().check(content["config"]["method"], "method")
    Whole(1, 2**20).check(content["threads"], "threads")
    history = content["history"]
    if not isinstance(history, list) or not history:
        raise UserError("no validation in it")
    for entry in history:
        for name, rule in NOTED.items():
            rule.check(entry[name], name)
    return content
