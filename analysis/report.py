"""The report: one self-contained page made from records and candidate files."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from analysis.plots import grid_png
from analysis.tables import score_rows
from reproduce import comparison, essay
from reproduce.candidate import Candidate
from reproduce.files import write_whole
from reproduce.records import Record


def write_report(
    path: Path,
    records: Sequence[Record],
    candidates: Sequence[Candidate],
    *,
    title: str = "Super-trainers",
    readings: int = 0,
) -> Path:
    """Write `report.html` with tables, pictures, commands and seeds; nothing is fetched.

    Parameters
    ----------
    path : Path
        The page, written whole.
    records : sequence of dict
        Scores to show.
    candidates : sequence of Candidate
        Sets to picture.
    readings : int
        How often the sealed test split has been read.
    """
    environment = Environment(
        loader=PackageLoader("analysis", "."), autoescape=select_autoescape(default=True)
    )
    page = environment.get_template("report.html.j2").render(
        title=title,
        readings=readings,
        rows=score_rows(records),
        cells=[cell for draw in essay.DRAWS for cell in comparison.compare(records, draw)],
        pictures=[_picture(candidate) for candidate in candidates],
        count=len(records),
        **_provenance(records),
    )
    return write_whole(path, page.encode())


def _picture(candidate: Candidate) -> dict[str, Any]:
    recipe = candidate.recipe
    return {
        "candidate": candidate,
        "png": base64.b64encode(grid_png(candidate)).decode(),
        "recipe": json.dumps(recipe.to_dict()) if recipe else None,
    }


def _provenance(records: Sequence[Record]) -> dict[str, list[str]]:
    """Distinct commands, commits, devices and versions, in the order met."""

    def distinct(values: list[str]) -> list[str]:
        return list(dict.fromkeys(values))

    return {
        "commands": distinct([record["command"] for record in records]),
        "commits": distinct([record["commit"] for record in records]),
        "devices": distinct([record["device"] for record in records]),
        "versions": distinct(
            [" ".join(f"{k} {v}" for k, v in record["versions"].items()) for record in records]
        ),
    }
