"""Scores summed up: a spread is over sets where there are several, else over networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce.summary import summarise, title


def record(candidate: str, accuracy: float, **changes: object) -> dict[str, object]:
    return {"candidate": candidate, "name": "found", "accuracy": accuracy, **changes}


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=5), min_size=1, max_size=5))
def test_networks_of_several_sets_are_not_pooled(sets: list[list[float]]) -> None:
    records = [record(str(at), value) for at, own in enumerate(sets) for value in own]
    values = sets[0] if len(sets) == 1 else [float(np.mean(own)) for own in sets]
    found = summarise(records)
    assert found.n == len(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.over == ("networks" if len(sets) == 1 else "sets")
    if len(values) == 1:
        assert math.isnan(found.se)
    else:
        assert found.se == pytest.approx(np.std(values, ddof=1) / len(values) ** 0.5)


def test_a_title_says_how_many_sets_stand_behind_a_name() -> None:
    one, two = record("a", 1.0), record("b", 2.0)
    assert title([one, one]) == "found"
    assert title([one, two]) == "found (2 sets)"
    assert title([{**r, "role": "finalist"} for r in (one, two)]) == "found, 2 finalists"
