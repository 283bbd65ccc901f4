"""Rungs between a cheap version of a protocol and the full one, on which the best sets halve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Candidate, Dataset, Fidelity, Oracle, protocols
from reproduce.recipe import Recipe
from search import SearchConfig, halving
from search.task import Task

RECIPE = Recipe(model="convnet", epochs=1500, width=32, ensemble=5)


def task_of(digits: Dataset, **settings: Any) -> Task:
    return Task(Oracle(digits, workers=1), SearchConfig(**{"budget": "8", **settings}))


@pytest.fixture
def cheap(digits: Dataset) -> Task:
    return task_of(digits, protocol="conv", epochs=8, images=100)


def cost(recipe: Recipe, one: Fidelity) -> float:
    return (
        (one.epochs or recipe.epochs)
        * (one.members or recipe.ensemble)
        * (one.width or recipe.width) ** 2
    )


@given(
    st.integers(1, 2000) | st.none(), st.integers(1, 6) | st.none(), st.integers(1, 40) | st.none()
)
def test_a_score_costs_about_four_times_as_much_from_rung_to_rung(
    epochs: int | None, members: int | None, width: int | None
) -> None:
    low = Fidelity(images=1000, epochs=epochs, members=members, width=width)
    between = halving.versions(low, RECIPE)
    costs = [min(cost(RECIPE, low), cost(RECIPE, Fidelity())), *(cost(RECIPE, v) for v in between)]
    costs.append(cost(RECIPE, Fidelity()))
    grown = np.array(costs[1:]) / costs[:-1]
    if between:
        total = (costs[-1] / costs[0]) ** (1 / len(grown))
        assert 2.4 < total < 6.2
    assert (grown >= 1).all()
    images = [1000, *(version.images or 0 for version in between), 5000]
    assert images == sorted(images)


def test_rungs_of_best_grow_in_all_that_its_cheap_version_saves() -> None:
    between = halving.versions(Fidelity(1000, 150, members=1, width=16), RECIPE)
    assert [v.epochs for v in between] == [267, 474, 844]
    assert [v.members for v in between] == [1, 2, 3]
    assert [v.width for v in between] == [19, 23, 27]


def test_each_rung_has_half_of_the_sets_and_seeds_of_its_own(cheap: Task) -> None:
    rungs = halving.rungs(cheap, 3)
    assert [rung.sets for rung in rungs] == [12, 6]
    assert [rung.share for rung in rungs] == [1 / 3, 2 / 3]
    assert not set(rungs[0].seeds) & set(rungs[1].seeds)
    assert halving.entrants(cheap, 3) == 12
    few = len(cheap.oracle.data.split("train"))
    assert all((rung.fidelity.images or 0) < few for rung in rungs)


@pytest.mark.parametrize(
    "settings",
    [
        {"protocol": "conv", "fidelity": "full"},
        {"protocol": "conv", "epochs": 300},  # nearly in full
        {"protocol": "knn"},
    ],
)
def test_no_rung_where_the_search_scores_in_full_or_trains_nothing(
    digits: Dataset, settings: dict[str, Any]
) -> None:
    task = task_of(digits, **settings)
    assert halving.rungs(task, 8) == []
    assert halving.entrants(task, 8) == 8


def test_a_single_finalist_needs_no_rung(cheap: Task) -> None:
    assert halving.rungs(cheap, 1) == []


def test_the_better_half_goes_up(cheap: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that turn the study's order over leave its last sets."""
    members, asked = cheap.pool.members, []
    sets = [
        cheap.candidate(np.array([own[at] for own in members]), name="s", method="m")
        for at in range(10)
    ]
    worth = {one.hash: float(at) for at, one in enumerate(sets)}

    def score_many(
        left: list[Candidate], protocol: str, seeds: range, split: str, **options: Any
    ) -> list[dict[str, Any]]:
        asked.append((len(left), split, options["fidelity"].epochs))
        return [
            {"candidate": one.hash, "role": one.role, "accuracy": worth[one.hash]}
            for one in left
            for _ in seeds
        ]

    monkeypatch.setattr(cheap.oracle, "score_many", score_many)
    found = halving.climb(cheap, cheap.oracle, sets, 2)
    assert [one.hash for one in found] == [sets[7].hash, sets[6].hash]  # of the first eight
    assert {one.role for one in found} == {sets[0].role}
    recipe = protocols.recipe("conv", sets[0])
    assert recipe
    assert [(count, split) for count, split, _ in asked] == [(8, "train"), (4, "train")]
    assert 8 < asked[0][2] < asked[1][2] < recipe.epochs


def test_rungs_are_recorded_and_not_scored_again(digits: Dataset, tmp_path, cheap: Task) -> None:
    task = replace(cheap, config=replace(cheap.config, epochs=1))
    rungs = halving.rungs(task, 2)
    short = [replace(rung, fidelity=replace(rung.fidelity, epochs=1)) for rung in rungs]
    members = task.pool.members
    sets = [
        task.candidate(np.array([own[at] for own in members]), name="s", method="m")
        for at in range(6)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halving, "rungs", lambda *_: short)
        oracle = Oracle(digits, tmp_path / "r.jsonl", workers=1)
        first = halving.climb(task, oracle, sets, 2)
        size = (tmp_path / "r.jsonl").stat().st_size
        assert [one.hash for one in halving.climb(task, oracle, sets, 2)] == [
            one.hash for one in first
        ]
        assert (tmp_path / "r.jsonl").stat().st_size == size > 0
