"""Constants of the code that a score depends on: a change of one must change a plan's key.

Records on disk were made with the constants at certain values. At these values a plan's key is as
it stands on record; at any other value the key says so, and old scores are not mistaken for new
ones.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OnRecord:
    """The values of a module's constants with which the records on disk were made.

    Attributes
    ----------
    module : str
        Name of the module that has the constants.
    values : dict
        Value on record by the constant's name; plain JSON values.
    """

    module: str
    values: dict[str, Any]

    def changes(self) -> str:
        """The constants whose values are other ones now, as JSON; empty where there are none."""
        now = vars(sys.modules[self.module])
        changed = {name: now[name] for name, value in self.values.items() if now[name] != value}
        return json.dumps(changed, sort_keys=True) if changed else ""
