"""No search, however long, uses a seed that chooses or that is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import UserError
from search import SearchConfig
from search.seeds import CHOICE, FRESH, PAIRED, first, searching

COUNTS, POSITIONS = st.integers(1, 500), st.integers(0, 10**7)


@given(COUNTS, st.none() | POSITIONS)
def test_a_search_never_reaches_reserved_seeds(count: int, position: int | None) -> None:
    seeds = searching(count, position)
    assert len(seeds) == count
    assert seeds[0] >= 0
    for reserved in (CHOICE, FRESH, range(2000, 10_000)):
        assert seeds[-1] < reserved.start or seeds.start >= reserved.stop


@given(COUNTS, POSITIONS, POSITIONS)
def test_batches_share_no_seed(count: int, one: int, other: int) -> None:
    shared = set(searching(count, one)) & set(searching(count, other))
    assert bool(shared) == (one == other)


def test_purposes_share_no_seed_and_end_where_they_end() -> None:
    assert len({*PAIRED, *CHOICE, *FRESH}) == 2000
    assert first(FRESH, 3) == range(1000, 1003)
    for seeds, most in ((CHOICE, 500), (FRESH, 1000)):
        first(seeds, most)
        with pytest.raises(UserError, match="too many"):
            first(seeds, most + 1)
    with pytest.raises(UserError, match="at most 500"):
        SearchConfig(search_seeds=501)
