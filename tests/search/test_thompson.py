"""Thompson sampling learns the quality of images from many noisy scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reproduce import Dataset, Fidelity, Oracle
from reproduce.records import read
from search import SearchConfig, open_study, search
from search.methods import METHODS, Finished, quality, thompson
from search.methods.base import View
from search.pool import Pool

QUOTAS = (2,) * 10


@pytest.fixture(scope="module")
def pool(digits: Dataset) -> Pool:
    return Pool.typical(digits.train)


def look(pool: Pool, history: list[Finished], oracle: Oracle) -> View:
    taken = frozenset(entry.indices for entry in history)
    start = len(history)
    return View(pool, QUOTAS, False, history, start, 0, oracle, "knn", "train", Fidelity(), taken)


def played(pool: Pool, oracle: Oracle, batches: int, noise: float = 1.0, by_class: bool = False):
    """A study in which every image has a quality; its history, and the true qualities of sets."""
    rng = np.random.default_rng(0)
    quality = rng.normal(0, 0.4, len(pool.train))
    history: list[Finished] = []
    truth: list[float] = []
    for batch in range(batches):
        luck = rng.normal(0, 0.5)  # of the seed
        for indices in METHODS["thompson"].propose(look(pool, history, oracle), 32):
            truth.append(float(quality[indices].sum()))
            each = quality[indices].reshape(10, 2).sum(1) + noise * rng.normal(0, 10**-0.5, 10)
            errors = tuple((2 - luck / 10 - each).tolist()) if by_class else ()
            found = Finished(
                len(history), tuple(indices.tolist()), 80 + luck + float(each.sum()), batch, errors
            )
            history.append(found)
    return history, np.array(truth)


@pytest.mark.parametrize(("by_class", "batches"), [(False, 22), (True, 7)])
def test_sets_become_better_than_any_founder(
    digits: Dataset, pool: Pool, by_class: bool, batches: int
) -> None:
    history, truth = played(pool, Oracle(digits, workers=1), batches, by_class=by_class)
    founders = truth[: thompson.FOUNDERS]
    assert truth[-32:].mean() > founders.max()
    assert len({entry.indices for entry in history}) == len(history)


def test_an_unbalanced_search_gives_images_to_classes_that_need_them(
    digits: Dataset, pool: Pool
) -> None:
    """The first two classes err by 6 / (1 + their images), the others hardly."""
    rng = np.random.default_rng(0)
    need = np.array([6.0] * 2 + [0.5] * 8)
    history: list[Finished] = []
    for batch in range(12):
        view = replace(look(pool, history, Oracle(digits, workers=1)), unbalanced=True)
        sets = METHODS["thompson"].propose(view, 32)
        for indices in sets:
            numbers = np.bincount(digits.train.labels[indices], minlength=10)
            assert numbers.sum() == len(set(indices)) == 20
            errors = need / (1 + numbers) + rng.normal(0, 0.2, 10)
            history.append(
                Finished(len(history), tuple(indices), -errors.sum(), batch, tuple(errors))
            )
    assert numbers[:2].mean() > 3


def test_a_total_is_divided_in_the_best_way() -> None:
    rng = np.random.default_rng(0)
    choices = [[tuple(range(size)) for size in (0, 1, 1, 2)] for _ in range(4)]
    qualities = rng.normal(size=(4, 4))
    found = thompson.divided(choices, qualities, 5)
    sums = {
        tuple(at): qualities[range(4), at].sum()
        for at in np.ndindex(4, 4, 4, 4)
        if sum(len(own[i]) for own, i in zip(choices, at, strict=True)) == 5
    }
    best = max(sums, key=lambda at: sums[at])
    assert found == [own[i] for own, i in zip(choices, best, strict=True)]


def test_what_is_believed_is_nearer_the_truth_than_scores_are(digits: Dataset, pool: Pool) -> None:
    history, truth = played(pool, Oracle(digits, workers=1), 12, noise=3.0)
    believed = thompson.believed(pool, history)
    scores = [entry.score for entry in history]
    assert np.corrcoef(believed, truth)[0, 1] > np.corrcoef(scores, truth)[0, 1] + 0.05


def test_errors_by_class_say_more_than_scores(digits: Dataset, pool: Pool) -> None:
    oracle = Oracle(digits, workers=1)
    history, truth = played(pool, oracle, 8, noise=3.0, by_class=True)
    blind = [replace(entry, errors=()) for entry in history]
    knows, guesses = (thompson.believed(pool, found) for found in (history, blind))
    assert np.corrcoef(knows, truth)[0, 1] > np.corrcoef(guesses, truth)[0, 1] + 0.02


def test_what_is_forgotten_is_not_believed(
    digits: Dataset, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, _ = played(pool, Oracle(digits, workers=1), 2)
    monkeypatch.setattr(thompson, "RECENT", 40)
    believed = thompson.believed(pool, history)
    assert np.isinf(believed[:24]).all()
    assert np.isfinite(believed[24:]).all()


def test_similarity_is_a_kernel(pool: Pool) -> None:
    """1 for the same choice, symmetric, and without negative eigenvalues."""
    members = pool.members[3]
    rng = np.random.default_rng(0)
    choices = list({tuple(sorted(rng.choice(members[:12], 3, replace=False))) for _ in range(30)})
    kernel = quality.similarity(pool, choices, choices)
    assert np.allclose(np.diag(kernel), 1)
    assert np.allclose(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel).min() > 0
    shared = quality.similarity(pool, [tuple(members[:3])], [tuple(members[1:4])])
    apart = quality.similarity(pool, [tuple(members[:3])], [tuple(members[-3:])])
    assert shared > 0.3 > apart


def test_every_batch_has_seeds_and_images_of_its_own(digits: Dataset, tmp_path: Path) -> None:
    config = SearchConfig(
        protocol="knn", method="thompson", budget="8", batch=2, search_seeds=1, images=60
    )
    journal, records = tmp_path / "s.journal", tmp_path / "r.jsonl"
    for _ in search(Oracle(digits, records, workers=1), config, "s", journal):
        pass
    assert {record.get("part", 0) for record in read(records)} >= {0, 2, 3}
    seeds: dict[int, set[int]] = {}
    for trial in open_study("s", journal).trials:
        seeds.setdefault(min(trial.intermediate_values), set()).add(trial.number)
    assert sorted(map(len, seeds.values()))[-1] <= 4  # the baselines
    assert len(seeds) >= 3
    assert min(seeds) >= 10_000
    errors = [trial.user_attrs["class_errors"] for trial in open_study("s", journal).trials]
    assert all(len(by_class) == 10 for found in errors for by_class in found.values())


def test_the_method_has_settings_of_its_own() -> None:
    own, usual = SearchConfig(method="thompson"), SearchConfig(method="swap")
    assert (own.search_seeds, own.fidelity, own.batch) == (1, "auto", 32)
    assert (usual.search_seeds, usual.fidelity, usual.batch) == (2, "full", 16)
    assert SearchConfig(method="thompson", batch=4).batch == 4
    rival = replace(own, method="random")
    assert (rival.search_seeds, rival.fidelity, rival.batch) == (1, "auto", 32)
