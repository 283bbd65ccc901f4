"""What benchmarks write: `results/benchmarks/NAME.json`, at once or row by row."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from reproduce import UserError
from reproduce.support import provenance
from reproduce.support.files import write_whole

FOLDER = Path("results/benchmarks")


def write(name: str, **content: Any) -> dict[str, Any]:
    """Write a benchmark's file, and return what it holds: content, versions and commit."""
    return _written(
        name, {**content, "versions": provenance.versions(), "commit": provenance.commit()}
    )


def _written(name: str, content: dict[str, Any]) -> dict[str, Any]:
    write_whole(FOLDER / f"{name}.json", json.dumps(content, indent=1).encode())
    return content


class Rows:
    """A benchmark's file of settings and rows, kept row by row: an interrupted one goes on.

    Parameters
    ----------
    name : str
    settings : Any
        JSON values, the same for all rows.

    Raises
    ------
    UserError
        When the file's rows were measured with other settings.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        self.name, self.settings = name, settings
        self.rows: list[dict[str, Any]] = []
        path = FOLDER / f"{name}.json"
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["settings"] != settings:
                raise UserError(
                    f"{path} was measured with {content['settings']}, not with {settings}; "
                    "move it away, or give its settings"
                )
            self.rows = content["rows"]

    def has(self, **identity: Any) -> bool:
        """Whether there is a row with these fields."""
        return any(identity.items() <= row.items() for row in self.rows)

    def add(self, **row: Any) -> None:
        """Add a row with its commit, and write the file whole."""
        self.rows.append({**row, "commit": provenance.commit()})
        versions = provenance.versions()
        _written(self.name, {"settings": self.settings, "versions": versions, "rows": self.rows})


def chosen(only: str, names: Collection[str]) -> list[str]:
    """The names that `only` lists, separated by semicolons; all of them where it is empty.

    Raises
    ------
    UserError
        For a name that there is not.
    """
    wanted = [name.strip() for name in only.split(";")] if only else list(names)
    for name in wanted:
        if name not in names:
            raise UserError(f"unknown row {name!r}, use some of {'; '.join(names)}")
    return wanted
