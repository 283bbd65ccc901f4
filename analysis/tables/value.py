"""How many random real images each set is worth, read off the curves of random sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.measure.effects import curve_intervals
from analysis.origins import Fact, Number, Origins
from analysis.results import Analysis, Results
from analysis.sources import Source
from analysis.statistics import Equivalent, Interval, equivalent_n
from analysis.tables.leaderboard import MADE, Leaderboard, Row
from reproduce.support.table import Table

REFERENCE = "conv"  # the curve of random sets for scores under a candidate's own recipe
HEAD = ("set, protocol, split", "images", "accuracy, %", "as good as random images")


@dataclass(frozen=True)
class Value:
    """One score of a set, and the number of random images that reach the same accuracy.

    Attributes
    ----------
    title : str
        The set, its protocol and its split.
    images : float
        Images of the set, all classes together.
    equivalent : float
        Random images, as in `statistics.Equivalent.n`; `words` adds the interval.
    made : bool
        Whether somebody made the set, rather than drew it at random.
    """

    title: str
    images: float
    accuracy: Number
    equivalent: float
    words: Fact
    made: bool


@dataclass(frozen=True)
class Comparison:
    """Scores of sets beside one curve of random sets.

    Attributes
    ----------
    sizes : list of float
        Images of the random sets of each size, all classes together.
    intervals : list of Interval
        Their mean accuracies.
    """

    source: Source
    protocol: str
    origin: int
    sizes: list[float]
    intervals: list[Interval]
    values: list[Value]

    def table(self) -> Table:
        """A row for each score."""
        title = (
            f"Accuracy of random real images of {self.source.title} by their number under "
            f"{self.protocol}, and where each candidate meets that curve"
        )
        rows = [[v.title, f"{v.images:g}", v.accuracy, v.words] for v in self.values]
        return Table(HEAD, rows, title)


def comparisons(
    results: Results, boards: Sequence[Leaderboard], origins: Origins
) -> list[Comparison]:
    """Each curve of random sets with the scores on its split; none where nothing was scored."""
    found = []
    for (checksum, protocol), curve in sorted(results.curves.items()):
        source = results.sources[checksum]
        rows = [
            row
            for board in boards
            if board.source == source
            for row in board.rows
            if row.kind != "published" and row.split == curve["split"]
        ]
        protocols = (protocol, "own") if protocol == REFERENCE else (protocol,)
        scores = [(row, name) for row in rows for name in protocols if name in row.cells]
        if scores and source.classes:
            found.append(_comparison(source, curve, scores, origins))
    return found


def _comparison(
    source: Source, curve: Analysis, scores: Sequence[tuple[Row, str]], origins: Origins
) -> Comparison:
    classes, intervals = len(source.classes), curve_intervals(curve)
    sizes = [classes * ipc for ipc in curve["ipc"]]
    origin = origins.analyses([curve])
    values = []
    for row, protocol in scores:
        accuracy = row.cells[protocol]
        equivalent = equivalent_n(sizes, intervals, accuracy.interval)
        words = Fact(in_words(equivalent), origins.joined([accuracy.origin, origin]))
        title = f"{row.name}, {protocol}, {row.scored_on}"
        made = row.kind in MADE
        values.append(Value(title, classes * row.ipc, accuracy, equivalent.n, words, made))
    return Comparison(source, curve["protocol"], origin, sizes, intervals, values)


def in_words(equivalent: Equivalent) -> str:
    """An equivalent n with its interval, or a bound where it lies outside the curve."""

    def one(n: float) -> str:
        return {0: "fewer than measured", math.inf: "more than measured"}.get(n, f"{n:.0f}")

    if equivalent.n in (0, math.inf):
        return one(equivalent.n)
    return f"{one(equivalent.n)} ({one(equivalent.low)} to {one(equivalent.high)})"
