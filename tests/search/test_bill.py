"""The bill: a time budget covers searching, the rival's search, the choice and the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reproduce import Dataset, Oracle, UserError
from search import FunctionOracle, SearchConfig, bill, rivals
from search.finalists import CHOOSES, Final, heats
from search.seeds import CHOICE, first
from search.task import Task

CHEAP, FULL = 0.5, 1.0  # seconds of a score


@pytest.fixture
def task(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(bill, "speeds", lambda *_: (CHEAP, FULL))
    config = SearchConfig(protocol="knn", method="swap", budget="10m", pool=0.2)
    return Task(Oracle(digits, workers=1), config)


def test_each_heat_keeps_the_better_half_and_the_last_two_have_all_seeds() -> None:
    assert heats(8, 10) == [(8, 3), (4, 5), (2, 10)]
    assert heats(5, 10) == [(5, 3), (3, 5), (2, 10)]
    assert heats(3, 1) == [(3, 1), (2, 1)]
    assert heats(1, 10) == [(1, 10)]
    assert bill.scores(8, 10) == 24 + 8 + 10
    assert bill.scores(1, 10) == 10


def test_a_time_covers_everything(task: Task) -> None:
    made = bill.bill(task, task.oracle, Final())
    total = made.search + made.random_search + made.choice + made.report
    assert total == pytest.approx(600)
    assert made.search == made.random_search
    assert made.config.budget == f"{made.search:.0f}s"
    assert made.final.seeds == 10
    assert made.sets == round(made.search / CHEAP)
    assert "In all about 10.0 minutes" in str(made)
    alone = bill.bill(task, task.oracle, Final(random_sets=0))
    assert alone.random_search == 0
    assert alone.search > 2 * made.search


def test_a_short_time_takes_fewer_seeds_unless_they_were_asked_for(task: Task) -> None:
    short = Task(task.oracle, replace(task.config, budget="3m"))
    made = bill.bill(short, short.oracle, Final())
    assert 1 <= made.final.replicates < 10
    assert made.choice + made.report <= 90
    with pytest.raises(UserError, match=r"takes 2\.8 minutes; give a longer"):
        bill.bill(short, short.oracle, Final(seeds=10))


def test_a_number_of_sets_is_that_of_the_search(task: Task) -> None:
    counted = Task(task.oracle, replace(task.config, budget="40"))
    made = bill.bill(counted, counted.oracle, Final(random_sets=3))
    assert (made.config.budget, made.sets, made.search) == ("40", 40, 40 * CHEAP)


def test_speeds_are_measured_on_scores_of_the_kind(digits: Dataset) -> None:
    seen: list[int] = []

    def score(candidate: object, seed: int, images: object) -> float:
        seen.append(seed)
        return 1.0

    oracle = FunctionOracle(digits, score, version="1", workers=1)
    made = Task(oracle, SearchConfig(method="thompson", budget="3"))
    assert bill.bill(made, oracle, Final()).sets == 3
    assert seen == [10_000, 10_000, 500]


def test_the_seconds_of_a_record_are_another_machines(digits: Dataset, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    task = Task(Oracle(digits, workers=1), SearchConfig(protocol="conv", budget="3", pool=0.2))
    (rule,) = rivals.rule_sets(task.oracle, task.config, rivals.RULES[:1])
    (kept,) = Oracle(digits, records, workers=1).score(rule, "conv", first(CHOICE, 1), CHOOSES)
    records.write_text(json.dumps({**kept, "seconds": 1e6}) + "\n")
    _, full = bill.speeds(task, Oracle(digits, records, workers=1), rule)
    assert full < 1e5
    assert len(records.read_text().splitlines()) == 1  # what was on record stands


def test_the_score_that_was_timed_is_kept_for_the_choice(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, tmp_path / "records.jsonl", workers=1)
    task = Task(Oracle(digits, workers=1), SearchConfig(protocol="conv", budget="3", pool=0.2))
    (rule,) = rivals.rule_sets(oracle, task.config, rivals.RULES[:1])
    bill.speeds(task, oracle, rule)
    (record,) = map(json.loads, (tmp_path / "records.jsonl").read_text().splitlines())
    assert (record["split"], record["seed"]) == (CHOOSES, first(CHOICE, 1)[0])
