"""How far each kind of set goes: which set stands for a kind."""

import math

from analysis.origins import Number
from analysis.page.story import reach
from analysis.sources import Source
from analysis.statistics import Interval
from analysis.tables.leaderboard import Leaderboard, Row

DATA = Source("abc", "mnist", tuple("0123456789"))


def row(name: str, kind: str, split: str, mean: float) -> Row:
    """A row under one protocol; random sets have no candidate, as on a real board."""
    number = Number(Interval(5, mean, math.nan, math.nan), 1)
    candidate = None if kind in ("random sets", "published") else name
    return Row(name, kind, split, 1, candidate, 1, {"conv": number})


def bars(*rows: Row) -> tuple[str, dict[str, str]]:
    """The split of the bars, and the set of each kind."""
    (size,) = reach([Leaderboard(DATA, 1, ["conv"], list(rows))], DATA)
    return size.split, {bar.kind: bar.name for bar in size.bars}


VALIDATED = (
    row("random", "random sets", "validation-b", 50),
    row("newest", "searched", "validation-b", 80),
    row("older", "searched", "validation-b", 75),
    row("oldest", "searched", "validation-b", 70),
)
PUBLISHED = row("DC", "published", "test", 90)


def test_on_test_the_best_by_validation_of_those_that_were_read_stands_for_its_kind() -> None:
    split, names = bars(
        *VALIDATED,
        row("random", "random sets", "test", 49),
        row("older", "searched", "test", 73),
        row("oldest", "searched", "test", 74),  # the better one on test, which chooses nothing
        PUBLISHED,
    )
    assert split == "test"
    assert names == {
        "drawn at random": "random", "found by search": "older", "best published result": "DC",
    }  # fmt: skip


def test_without_readings_of_our_own_the_best_by_validation_stands_for_its_kind() -> None:
    split, names = bars(*VALIDATED, PUBLISHED)
    assert split == "validation-b"
    assert names == {"drawn at random": "random", "found by search": "newest"}
