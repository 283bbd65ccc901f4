"""How long scores will take, by what is on record."""

from typing import Any

from reproduce.commands.expectation import expectation


def record(protocol: str, ipc: float, seconds: float = 0.0, **fields: Any) -> dict[str, Any]:
    whole = {"images": None, "epochs": None, "time": "2026-01-02"}
    return {"protocol": protocol, "ipc": ipc, "seconds": seconds, **whole, **fields}


def test_the_median_of_the_latest_whole_scores_of_a_kind_counts() -> None:
    known = [record("conv", 1, 1000.0, time="2026-01-01") for _ in range(30)]
    known += [record("conv", 1, seconds) for seconds in [60.0] * 19 + [1e6]]
    known += [record("conv", 10, 1e6), record("conv", 1, 1.0, images=9, time="2026-01-03")]
    waiting = [record("conv", 1)] * 3
    told = "3 scores to compute; about 1.5 minutes by the times on record."
    assert expectation(waiting, known, workers=2) == told


def test_what_is_unknown_is_said() -> None:
    known, waiting = [record("conv", 1, 2.0)], [record("conv", 1), record("knn", 1)]
    told = (
        "2 scores to compute; about 2 seconds by the times on record; no times on record for knn."
    )
    assert expectation(waiting, known, 1) == told
    assert expectation(waiting[1:], known, 1) == "1 scores to compute; no times on record for knn."
    assert expectation([], known, 1) == "All scores are on record."
