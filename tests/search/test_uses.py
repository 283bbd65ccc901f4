"""A search scores on training images alone; validation chooses among finalists, then reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from reproduce import Candidate, Dataset, Oracle
from reproduce.data import ImageSet
from reproduce.records import read
from search import (
    METHODS,
    FunctionOracle,
    SearchConfig,
    finalists,
    finished,
    open_study,
    rivals,
    search,
)
from search.command import chosen, rival_sets, run_search, verdict
from search.finalists import Final
from search.task import Task

TINY = SearchConfig(
    protocol="knn", method="swap", budget="9", batch=4, pool=0.2, search_seeds=1, images=150
)


class Hidden:
    """Images that nobody may look at."""

    def __getattr__(self, name: str) -> None:
        raise AssertionError(f"a search looked at {name} of validation")

    def __len__(self) -> int:
        raise AssertionError("a search looked at validation")


@pytest.fixture
def blind(digits: Dataset) -> Dataset:
    """The digits, whose validation cannot be read."""
    return replace(digits, validation=Hidden())  # type: ignore[arg-type]


@pytest.mark.usefixtures("small_stages")
@pytest.mark.parametrize("method", METHODS)
def test_no_search_looks_at_validation(blind: Dataset, tmp_path: Path, method: str) -> None:
    config = replace(TINY, method=method)
    list(search(Oracle(blind, tmp_path / "r.jsonl", workers=1), config, "s", tmp_path / "j"))
    assert len(finished(open_study("s", tmp_path / "j"))) == 9
    assert {record["split"] for record in read(tmp_path / "r.jsonl")} == {"train"}


@pytest.mark.parametrize("method", ["swap", "thompson", "random"])
def test_every_batch_has_other_images_that_no_set_holds(
    digits: Dataset, tmp_path: Path, method: str
) -> None:
    seen: list[set[bytes]] = []

    def watch(candidate: Candidate, seed: int, images: ImageSet) -> float:
        seen.append({image.tobytes() for image in images.images})
        assert not seen[-1] & {image.tobytes() for image in candidate.images}
        return float(int(candidate.hash, 16) % 7)

    list(search(FunctionOracle(digits, watch), replace(TINY, method=method), "s", tmp_path / "j"))
    assert len(seen) == 9
    assert min(map(len, seen)) > 130
    assert len(seen[0] & seen[1]) > 120  # of one batch
    assert not seen[0] & seen[-1]


def by_split(scores: dict[str, Callable[[Candidate], float]]) -> Callable[..., float]:
    """An oracle's function that answers by the number of images that it is given."""

    def score(candidate: Candidate, seed: int, images: ImageSet) -> float:
        kind = "choose" if 500 <= seed < 1000 else "report" if 1000 <= seed < 2000 else "search"
        return scores[kind](candidate) + seed % 3 / 10

    return score


def level(candidate: Candidate) -> float:
    return float(int(candidate.hash, 16) % 89)


@pytest.fixture
def studied(digits: Dataset, tmp_path: Path) -> tuple[optuna.Study, Task, Oracle, Path]:
    """A study whose oracle says the opposite of what those say that choose."""
    config = replace(TINY, method="random", budget="24", pool=1.0)
    score = by_split({"search": level, "choose": lambda c: -level(c), "report": lambda c: 1.0})
    task = Task(FunctionOracle(digits, score), config)
    study = run_search(task, "found", tmp_path / "j")
    return study, task, FunctionOracle(digits, score, tmp_path / "r.jsonl"), tmp_path


def test_validation_a_chooses_and_validation_b_reports(studied) -> None:
    study, task, oracle, folder = studied
    final = Final(tops=4, seeds=3, random_sets=3)
    found = chosen(study, task, oracle, final)
    best = sorted(finished(open_study("found", folder / "j")), key=lambda t: -t.value)[:4]
    assert found.indices.tolist() == best[-1].user_attrs["indices"]  # the choice turned it over
    assert (found.role, found.chosen_on) == ("searched", "validation-a")
    assert found.made_for == ()  # a function is no protocol
    sets = finalists.once([found, *rival_sets(task, oracle, final, "found", folder / "j")])
    scored = finalists.rescore(oracle, sets, "knn", 3)
    assert {(r["split"], r["seed"]) for r in scored} == {
        ("validation-b", s) for s in (1000, 1001, 1002)
    }
    for record in read(folder / "r.jsonl"):
        assert record["split"] != record["chosen_on"] or record["seed"] < 1000
        assert (record["split"] == "validation-b") == (record["seed"] >= 1000)
    chosen_from = [r for r in read(folder / "r.jsonl") if r["role"] == "finalist"]
    assert len({r["candidate"] for r in chosen_from}) == 4
    assert {r["split"] for r in chosen_from} == {"validation-a"}
    said = verdict(scored, sets, 12.0)
    assert "of all simple rules the best on validation-a" in said
    assert "3 random sets" in said


def test_the_rival_goes_through_the_same_choice(digits: Dataset, tmp_path: Path) -> None:
    config = replace(TINY, method="swap", budget="12")
    score = by_split({"search": level, "choose": lambda c: -level(c), "report": level})
    oracle = FunctionOracle(digits, score, tmp_path / "r.jsonl")
    task, final = Task(FunctionOracle(digits, score), config), Final(tops=3, seeds=2, random_sets=5)
    at_random, strongest, *random_sets = rival_sets(task, oracle, final, "s", tmp_path / "j")
    ranked = sorted(finished(open_study("s-random", tmp_path / "j")), key=lambda t: -t.value)
    assert at_random.indices.tolist() == ranked[2].user_attrs["indices"]
    assert (at_random.name, at_random.role) == ("random search", "random search")
    rules = rivals.rule_sets(oracle, config)
    assert strongest.hash == min(rules, key=level).hash
    assert (strongest.role, strongest.chosen_on) == ("simple rule", "validation-a")
    drawn = {
        tuple(t.user_attrs["indices"]) for t in finished(open_study("s-random", tmp_path / "j"))
    }
    assert not drawn & {tuple(one.indices.tolist()) for one in random_sets}
    assert {one.role for one in random_sets} == {"random sets"}


def test_named_sets_of_equal_content_count_once(digits: Dataset) -> None:
    rule = rivals.rule_sets(Oracle(digits), TINY)[0]
    found = replace(rule, name="found", role="searched")
    random_sets = rivals.random_sets(digits, (1,) * 10, 2)
    same = replace(rule, name="random sets", role="random sets")
    sets = finalists.once([found, rule, *random_sets, same])
    assert [one.name for one in sets] == ["found = nearest mean", *["random sets"] * 3]
    assert sets[0].role == "searched"
    scored = finalists.rescore(Oracle(digits, workers=1), sets, "tree", 3)
    assert len(finalists.of(scored, sets[0])) == 3
    assert len([r for r in scored if r["role"] == "random sets"]) == 6
