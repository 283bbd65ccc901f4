"""Cheap versions of protocols: under which a search scores, where the full protocol is slow.

`python -m benchmarks.speed.search fidelity` measures what a score of each version
costs, and how well it ranks sets. `auto` takes the version that tells most in a second.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproduce.recipe import Recipe
from reproduce.scoring.fidelity import Fidelity

TABLE = Path(__file__).parents[1] / "results" / "benchmarks" / "search-fidelity.json"
PROPOSED = 0.01  # seconds that a set takes besides its score, roughly: it is proposed and kept


@dataclass(frozen=True)
class Version:
    """A cheap version of a protocol.

    Attributes
    ----------
    share : float
        Of the protocol's epochs, above 0 and up to 1.
    members, width : int or None
        Networks of an ensemble, and channels, at most; None: as the protocol has them.
    images : int
        That score a set.
    """

    share: float
    images: int
    members: int | None = None
    width: int | None = None

    def fidelity(self, recipe: Recipe) -> Fidelity:
        """How much of a full score is computed, under this recipe."""
        epochs = max(1, round(self.share * recipe.epochs))
        return Fidelity(self.images, epochs, members=self.members, width=self.width)

    def __str__(self) -> str:
        parts = [f"{100 * self.share:g} % of the epochs"]
        parts += [f"{self.members} of the ensemble"] if self.members else []
        parts += [f"width {self.width}"] if self.width else []
        return ", ".join([*parts, f"{self.images:,} images"])


def measured(protocol: str, ipc: float) -> list[dict[str, Any]]:
    """The rows of the table for a protocol; none where it was not measured.

    How well a version ranks depends on the size of the sets. The rows are those of the measured
    number of images per class whose ratio to `ipc` (above 0) is nearest to 1.
    """
    if not TABLE.is_file():
        return []
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["rows"]
    own = [row for row in rows if row["protocol"] == protocol and "version" in row]
    nearest = min(
        (row["ipc"] for row in own), key=lambda size: abs(math.log(size / ipc)), default=0
    )
    return [row for row in own if row["ipc"] == nearest]


def tells(correlation: float, seconds: float) -> float:
    """How much a score tells of the full one in a second of a search.

    With rank correlation r, r² / (1 - r²) is the ratio of signal to noise of one score. It adds up
    over independent scores (Spearman 1910; Brown 1910), so that versions of different speed can be
    compared. An error that a version makes again and again does not average out, and is not seen
    here.
    """
    correlation = min(max(correlation, 0.0), 0.999)
    return correlation**2 / (1 - correlation**2) / (seconds + PROPOSED)


def auto(protocol: str, ipc: float) -> Version | None:
    """The version that tells most in a second of sets with `ipc` images per class.

    None where the protocol was not measured.
    """
    rows = measured(protocol, ipc)
    return Version(**max(rows, key=lambda row: row["tells"])["version"]) if rows else None
