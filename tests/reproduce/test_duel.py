"""One sentence on which of two sets is better."""

from typing import Any

import pytest

from reproduce.duel import duel


def records(name: str, accuracies: list[float]) -> list[Any]:
    return [
        {"name": name, "seed": seed, "accuracy": accuracy}
        for seed, accuracy in enumerate(accuracies)
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "begins", "won"),
    [
        ([90.0, 90.1, 90.2], [80.0, 80.2, 80.1], "Better than them by 10.00 ± ", True),
        ([90.0, 86.0], [64.0, 65.0], "Not shown to be better than them: +23.50 ± ", False),
        ([60.0, 60.1, 60.2], [80.0, 80.2, 80.1], "Not better than them: -20.00 ± ", False),
        ([90.0], [80.0], "+10.00 points over them, from one seed", False),
    ],
)
def test_a_duel_says_no_more_than_was_shown(
    ours: list[float], theirs: list[float], begins: str, won: bool
) -> None:
    fought = duel(records("us", ours), records("them", theirs))
    assert str(fought).startswith(begins)
    assert fought.won == won
