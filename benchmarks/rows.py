"""Rows of a benchmark, kept one by one, so that one that was interrupted goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reproduce import UserError
from reproduce.support import provenance
from reproduce.support.files import write_whole

FOLDER = Path("results/benchmarks")


class Rows:
    """The file `results/benchmarks/NAME.json`: settings of all of its rows, and the rows.

    Parameters
    ----------
    name : str
    settings : Any
        JSON values.

    Raises
    ------
    UserError
        When the file's rows were measured with other settings.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        self.path, self.settings = FOLDER / f"{name}.json", settings
        self.rows: list[dict[str, Any]] = []
        if self.path.exists():
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["settings"] != settings:
                raise UserError(
                    f"{self.path} was measured with {content['settings']}, not with {settings}; "
                    "move it away, or give its settings"
                )
            self.rows = content["rows"]

    def has(self, **identity: Any) -> bool:
        """Whether there is a row with these fields."""
        return any(identity.items() <= row.items() for row in self.rows)

    def add(self, **row: Any) -> None:
        """Add a row and write the file whole."""
        self.rows.append({**row, "commit": provenance.commit()})
        content = {
            "settings": self.settings,
            "versions": provenance.versions(),
            "rows": self.rows,
        }
        write_whole(self.path, json.dumps(content, indent=1).encode())
