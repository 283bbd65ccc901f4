"""Search: the contract of every proposer, and studies that go on where they were."""

import itertools
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from reproduce import Dataset, Oracle, UserError
from search import PROPOSERS, Pool, SearchConfig, search, winner
from search.proposers import nearest_mean
from search.study import finished, open_study

QUICK = SearchConfig(protocol="knn", trials=20, batch=4, pool=1.0, search_seeds=1, images=0)


@pytest.fixture(scope="module")
def pool(digits: Dataset) -> Pool:
    return Pool.typical(digits.train)


def trials(study: optuna.Study) -> list[tuple[list[int], float]]:
    return [(trial.user_attrs["indices"], trial.value) for trial in finished(study)]


@pytest.mark.parametrize("name", PROPOSERS)
@pytest.mark.parametrize("ipc", [1, 3])
def test_contract_of_proposers(digits: Dataset, pool: Pool, name: str, ipc: int) -> None:
    best = nearest_mean(pool, ipc)
    for incumbent in (None, best):
        one, two = (
            PROPOSERS[name](pool, ipc, incumbent, np.random.default_rng(3)) for _ in range(2)
        )
        assert (one == two).all()
        assert len(set(one)) == 10 * ipc
        assert digits.train.labels[one].tolist() == list(np.arange(10).repeat(ipc))
        assert (np.diff(one.reshape(10, ipc)) > 0).all()
        other = PROPOSERS[name](pool, ipc, incumbent, np.random.default_rng(4))
        assert (one != other).any()


def test_swap_changes_one_to_three_images(pool: Pool) -> None:
    best = nearest_mean(pool, 2)
    changes = {
        len(set(best) - set(PROPOSERS["swap"](pool, 2, best, np.random.default_rng(i))))
        for i in range(40)
    }
    assert changes == {1, 2, 3}


def test_pool_is_ordered_by_typicality(digits: Dataset) -> None:
    train = digits.train
    members = Pool.typical(train, 0.5).members[3]
    assert set(train.labels[members]) == {3}
    mean = train.images[train.labels == 3].mean(0)
    distances = ((train.images[members] - mean) ** 2).sum((1, 2, 3))
    assert (np.diff(distances) >= 0).all()
    assert len(members) == round(0.5 * (train.labels == 3).sum())


def test_search_improves_and_never_repeats_a_set(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    states = list(search(oracle, QUICK, "s", tmp_path / "journal"))
    assert [state.done for state in states] == [4, 8, 12, 16, 20]
    assert all(a.best <= b.best for a, b in itertools.pairwise(states))
    study = open_study("s", tmp_path / "journal")
    seen = trials(study)
    assert len({tuple(indices) for indices, _ in seen}) == 20
    found = winner(study, oracle, QUICK, "found")
    assert found.method == "search swap"
    assert (found.images == digits.train.images[found.indices]).all()
    score = oracle.score(found, "knn", [0], "validation-a")[0]["accuracy"]
    assert score == pytest.approx(states[-1].best)
    assert seen[0][0] == nearest_mean(Pool.typical(digits.train), 1).tolist()


def test_interrupted_study_goes_the_same_way(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    for _ in search(oracle, QUICK, "whole", tmp_path / "journal"):
        pass
    for trials_so_far in (5, 9, 20):  # cut in the middle of batches
        cut = replace(QUICK, trials=trials_so_far)
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
    list(search(oracle, replace(QUICK, trials=4), "s", tmp_path / "journal"))
    with pytest.raises(UserError, match="other settings"):
        list(search(oracle, replace(QUICK, seed=1), "s", tmp_path / "journal"))


def test_study_in_use_is_refused(digits: Dataset, tmp_path: Path) -> None:
    oracle = Oracle(digits, workers=1)
    running = search(oracle, QUICK, "s", tmp_path / "journal")
    next(running)
    with pytest.raises(UserError, match="another process"):
        next(search(oracle, QUICK, "s", tmp_path / "journal"))


@pytest.mark.parametrize("changes", [{"method": "magic"}, {"trials": 0}, {"batch": 0}])
def test_bad_settings_are_refused(changes: dict) -> None:
    with pytest.raises(UserError):
        SearchConfig(**changes)


@pytest.mark.parametrize("changes", [{"ipc": 0}, {"ipc": 5000}, {"pool": 0.0}, {"pool": 2.0}])
def test_impossible_sets_are_refused(digits: Dataset, tmp_path: Path, changes: dict) -> None:
    with pytest.raises(UserError):
        next(search(Oracle(digits), replace(QUICK, **changes), "s", tmp_path / "journal"))


@pytest.mark.parametrize("content", ["not a journal\n", "{}\n", "[]\n", '{"op_code": 0'])
def test_foreign_journal_is_refused_and_left_alone(
    digits: Dataset, tmp_path: Path, content: str
) -> None:
    (tmp_path / "journal").write_text(content)
    with pytest.raises(UserError, match="journal"):
        next(search(Oracle(digits), QUICK, "s", tmp_path / "journal"))
    assert (tmp_path / "journal").read_text() == content


def test_a_lock_that_a_killed_process_left_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Path("runs/studies.journal")
    journal.parent.mkdir()
    study = open_study("first", journal)
    study._storage._backend._lock.acquire()  # and never released
    clock = SimpleNamespace(monotonic=itertools.count(step=20).__next__, sleep=time.sleep)
    monkeypatch.setattr("optuna.storages.journal._file.time", clock)
    assert open_study("second", journal).study_name == "second"
