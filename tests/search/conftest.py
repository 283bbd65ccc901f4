"""Stages small enough for tests."""

from __future__ import annotations

import pytest

from search.methods import staged
from search.proxy import kernel


@pytest.fixture
def small_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    small = staged.Stages(typical=12, others=6, scoring=300, nets=1, climbs=3, turns=2, sifted=3)
    monkeypatch.setattr(staged, "STAGES", small)
    monkeypatch.setattr(kernel, "STEPS", (3, 9))
