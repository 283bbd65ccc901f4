"""Studies go on where they were, repeat nothing, and prune what is hopeless."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.data import ImageSet
from search import (
    FunctionOracle,
    Pool,
    SearchConfig,
    finished,
    open_study,
    ranked,
    search,
    winner,
)
from search.storage.journal import open_journal
from search.trials import score_of

QUICK = SearchConfig(
    protocol="knn", method="swap", budget="20", batch=4, pool=0.5, search_seeds=1, images=0
)


def trials(study: optuna.Study) -> list[tuple[list[int], float]]:
    return [(trial.user_attrs["indices"], trial.value) for trial in finished(study)]


def test_search_improves_and_never_repeats_a_set(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    states = list(search(oracle, QUICK, "s", tmp_path / "journal"))
    assert [state.done for state in states][-1] == 20
    assert all(a.best <= b.best for a, b in itertools.pairwise(states))
    study = open_study("s", tmp_path / "journal")
    seen = trials(study)
    assert len({tuple(indices) for indices, _ in seen}) == 20
    found = winner(study, oracle, QUICK, "found")
    assert (found.method, found.made_for) == ("search swap", ("knn",))
    assert (found.images == digits.train.images[found.indices]).all()
    score = oracle.score(found, "knn", [0], "train")[0]["accuracy"]
    assert score == pytest.approx(states[-1].best)
    assert "best" in states[-1].note()


def test_baselines_come_first(digits: Dataset, tmp_path: Path) -> None:
    list(search(Oracle(digits, workers=1), replace(QUICK, budget="2"), "s", tmp_path / "j"))
    first = trials(open_study("s", tmp_path / "j"))[0][0]
    members = Pool.typical(digits.train, 0.5).members
    assert first == [int(m[0]) for m in members]


def test_interrupted_study_goes_the_same_way(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    for _ in search(oracle, QUICK, "whole", tmp_path / "journal"):
        pass
    for trials_so_far in (5, 9, 20):  # cut in the middle of batches
        cut = replace(QUICK, budget=str(trials_so_far))
        for _ in search(oracle, cut, "cut", tmp_path / "journal"):
            pass
        # What a killed process leaves behind:
        open_study("cut", tmp_path / "journal").ask()
    whole, cut_up = (open_study(name, tmp_path / "journal") for name in ("whole", "cut"))
    assert trials(whole) == trials(cut_up)
    for _ in search(oracle, QUICK, "cut", tmp_path / "journal"):
        pass
    left = open_study("cut", tmp_path / "journal").get_trials(states=(TrialState.RUNNING,))
    assert not left


def test_other_settings_need_another_name(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    list(search(oracle, replace(QUICK, budget="4"), "s", tmp_path / "journal"))
    with pytest.raises(UserError, match="other settings"):
        list(search(oracle, replace(QUICK, seed=1), "s", tmp_path / "journal"))


def test_study_in_use_is_refused(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    running = search(oracle, QUICK, "s", tmp_path / "journal")
    next(running)
    with pytest.raises(UserError, match="another process"):
        next(search(oracle, QUICK, "s", tmp_path / "journal"))


def test_interruption_leaves_no_running_trial(digits: Dataset, tmp_path: Path) -> None:
    calls = 0

    def stop(candidate: Candidate, seed: int, images: ImageSet) -> float:
        nonlocal calls
        calls += 1
        if calls > 7:
            raise KeyboardInterrupt
        return float(calls)

    oracle = FunctionOracle(digits, stop)
    with pytest.raises(KeyboardInterrupt):
        list(search(oracle, QUICK, "s", tmp_path / "journal"))
    study = open_study("s", tmp_path / "journal")
    assert not study.get_trials(states=(TrialState.RUNNING,))
    assert len(winner(study, oracle, QUICK, "kept")) == 10


def test_budget_in_seconds_ends_the_search(digits: Dataset, tmp_path: Path) -> None:
    config = replace(QUICK, budget="0.5s", method="random")
    states = list(search(Oracle(digits, workers=1), config, "s", tmp_path / "journal"))
    assert states[-1].seconds == 0.5
    assert states[-1].sets is None
    assert states[-1].elapsed >= 0.5


def test_hopeless_sets_are_pruned_and_the_best_is_not(digits: Dataset, tmp_path: Path) -> None:
    seeds: list[tuple[str, int]] = []

    def noisy(candidate: Candidate, seed: int, images: ImageSet) -> float:
        seeds.append((candidate.hash, seed))
        level = int(candidate.hash, 16) % 50
        return level + float(np.random.default_rng(seed).normal())

    config = replace(QUICK, method="random", search_seeds=12, budget="24", batch=8)
    list(search(FunctionOracle(digits, noisy), config, "s", tmp_path / "journal"))
    study = open_study("s", tmp_path / "journal")
    done = finished(study)
    pruned = [trial for trial in done if trial.state == TrialState.PRUNED]
    assert len(done) == 24
    assert len(pruned) > 5
    assert {len(trial.intermediate_values) for trial in pruned} <= {4, 8}
    best = ranked(study)[0]
    assert score_of(best) == max(map(score_of, done))
    assert len(best.intermediate_values) == 12
    assert len(seeds) == len(set(seeds))


def test_sets_that_were_dropped_rank_beside_no_complete_one(
    digits: Dataset, tmp_path: Path
) -> None:
    """Dropped sets look best here: their first four seeds are by far the luckiest."""

    def lucky_at_first(candidate: Candidate, seed: int, images: ImageSet) -> float:
        value = int(candidate.hash, 16) % 50
        return value + (1000.0 if seed < 4 else 0.0)

    oracle = FunctionOracle(digits, lucky_at_first)
    config = replace(QUICK, method="swap", search_seeds=8, budget="28", batch=8)
    states = list(search(oracle, config, "s", tmp_path / "journal"))
    done = finished(open_study("s", tmp_path / "journal"))
    dropped = [trial for trial in done if trial.state == TrialState.PRUNED]
    complete = [trial for trial in done if trial.state == TrialState.COMPLETE]
    best = max(map(score_of, complete))
    assert min(map(score_of, dropped)) > best
    assert states[-1].best == best
    found = winner(open_study("s", tmp_path / "journal"), oracle, config, "found")
    assert found.indices is not None
    assert found.indices.tolist() in [trial.user_attrs["indices"] for trial in complete]


def test_a_set_that_is_known_is_not_scored_again(digits: Dataset, tmp_path: Path) -> None:
    """A pool of two images a class: there are but four sets with both of eight classes."""
    few = Pool.typical(digits.train).members
    small = ImageSet(
        np.concatenate([digits.train.images[m[:20]] for m in few]),
        np.concatenate([digits.train.labels[m[:20]] for m in few]),
    )
    tiny = replace(digits, train=small)
    calls: list[str] = []

    def count(candidate: Candidate, seed: int, images: ImageSet) -> float:
        calls.append(candidate.hash)
        return 1.0

    changes = {"quotas": "1,1,2,2,2,2,2,2,2,2", "budget": "12", "method": "random", "pool": 0.1}
    config = replace(QUICK, **changes)
    list(search(FunctionOracle(tiny, count), config, "s", tmp_path / "journal"))
    study = open_study("s", tmp_path / "journal")
    assert len(finished(study)) == 12
    assert len(calls) == len(set(calls)) == 4
    assert sum("same as" in trial.user_attrs for trial in finished(study)) == 8


@pytest.mark.parametrize("unbalanced", [False, True])
def test_quotas(digits: Dataset, tmp_path: Path, unbalanced: bool) -> None:
    quotas = (3, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    config = replace(QUICK, quotas="3,1,1,1,1,1,1,1,1,1", unbalanced=unbalanced)
    list(search(Oracle(digits, workers=1), config, "s", tmp_path / "j"))
    drawn = {
        tuple(np.bincount(digits.train.labels[indices], minlength=10))
        for indices, _ in trials(open_study("s", tmp_path / "j"))
    }
    assert all(sum(q) == 12 for q in drawn)
    assert (drawn == {quotas}) != unbalanced


ITERATIVE = ("swap", "anneal", "genetic", "tpe", "staged")


@pytest.mark.usefixtures("small_stages")
@pytest.mark.parametrize("method", [*ITERATIVE, "random", "herding"])
def test_methods_run_a_study(digits: Dataset, tmp_path: Path, method: str) -> None:
    config = replace(QUICK, method=method, budget="9", pool=0.1, images=50)
    list(search(Oracle(digits, workers=1), config, "s", tmp_path / "j"))
    assert len(finished(open_study("s", tmp_path / "j"))) == 9


BAD = [
    {"method": "magic"},
    {"budget": "0"},
    {"budget": "many"},
    {"budget": ""},
    {"budget": "-5m"},
    {"batch": 0},
    {"search_seeds": 0},
    {"ipc": 0},
    {"budget": "nans"},
    {"budget": "infh"},
    {"budget": "1e400s"},
    {"seed": -1},
    {"seed": 2**32},
    {"pool": float("nan")},
    {"batch": 10**20},
    {"epochs": 10**20},
    {"method": ["swap"]},
    {"unbalanced": "yes"},
]


@pytest.mark.parametrize("changes", BAD)
def test_d_bad_settings_are_refused(changes: dict) -> None:
    with pytest.raises(UserError):
        SearchConfig(**changes)


@pytest.mark.parametrize(
    "changes", [{"ipc": 5000}, {"pool": 0.0}, {"pool": 2.0}, {"quotas": "1,2"}, {"quotas": "a,b"}]
)
def test_impossible_sets_are_refused(digits: Dataset, tmp_path: Path, changes: dict) -> None:
    with pytest.raises(UserError):
        next(search(Oracle(digits), replace(QUICK, **changes), "s", tmp_path / "journal"))


@pytest.mark.parametrize(
    "content", ["not a journal\n", "{}\n", "[]\n", "a note", '{"opera": 0', "a\nb"]
)
def test_foreign_journal_is_refused_and_left_alone(
    digits: Dataset, tmp_path: Path, content: str
) -> None:
    (tmp_path / "journal").write_text(content)
    with pytest.raises(UserError, match="journal"):
        next(search(Oracle(digits), QUICK, "s", tmp_path / "journal"))
    assert (tmp_path / "journal").read_text() == content


def test_pictures_lie_beside_the_best_trials(digits: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    list(search(Oracle(digits, workers=1), QUICK, "s", tmp_path / "j", artifacts=folder))
    study = open_study("s", tmp_path / "j")
    storage = optuna.storages.JournalStorage(open_journal(tmp_path / "j"))
    shown = optuna.artifacts.get_all_artifact_meta(ranked(study)[0], storage=storage)
    assert [meta.mimetype for meta in shown] == ["image/png"]
    assert (folder / shown[0].artifact_id).read_bytes().startswith(b"\x89PNG")
