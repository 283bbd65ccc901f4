"""The contract of every search method, and what each alone promises."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import search
from reproduce import Dataset, Fidelity, Oracle, UserError
from reproduce.data import ImageSet
from search import METHODS, Pool
from search.methods import Finished, View, named
from search.methods.facility_location_blurred import blurred_nearness

SLOW = {"staged"}  # trains networks
NEW = """
from search.methods.base import rule

def last(pool, quotas, rng):
    return [image for own, quota in zip(pool.members, quotas) for image in own[len(own) - quota:]]

METHOD = rule(last)
"""


@pytest.fixture(scope="module")
def pool(digits: Dataset) -> Pool:
    return Pool.typical(digits.train, 0.3)


def view(
    digits: Dataset, pool: Pool, quotas: Sequence[int], history: Sequence[Finished] = (), **changes
) -> View:
    made = View(
        pool=pool,
        quotas=tuple(quotas),
        unbalanced=False,
        history=history,
        start=history[-1].position + 1 if history else 0,
        seed=3,
        oracle=Oracle(digits, workers=1),
        protocol="knn",
        split="train",
        fidelity=Fidelity(60),
        taken=frozenset(entry.indices for entry in history),
    )
    return replace(made, **changes)


def scored(sets: Sequence[np.ndarray], seed: int = 0) -> list[Finished]:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(50, 60, len(sets))
    return [Finished(at, tuple(sets[at].tolist()), float(scores[at])) for at in range(len(sets))]


def random_history(digits: Dataset, pool: Pool, quotas: Sequence[int], sets: int = 20):
    return scored(METHODS["random"].propose(view(digits, pool, quotas, seed=1), sets))


@pytest.mark.usefixtures("small_stages")
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("quotas", [(1,) * 10, (2, 1, 0, 3, 1, 1, 4, 1, 1, 1)])
def test_contract(digits: Dataset, pool: Pool, name: str, quotas: tuple[int, ...]) -> None:
    count = 3
    for history in ([], random_history(digits, pool, quotas)):
        look = view(digits, pool, quotas, history)
        one, two = METHODS[name].propose(look, count), METHODS[name].propose(look, count)
        assert len(one) == count
        for indices, again in zip(one, two, strict=True):
            assert (indices == again).all()
            assert len(set(indices)) == sum(quotas)
            assert np.isin(indices, np.concatenate(pool.members)).all()
            labels = digits.train.labels[indices]
            assert np.bincount(labels, minlength=10).tolist() == list(quotas)
            assert (indices == pool.canonical(indices[::-1])).all()
        assert len({tuple(indices) for indices in one} - look.taken) == count


def test_a_new_file_is_a_new_method(tmp_path: Path) -> None:
    """Nothing else is edited: names, help and settings come from the folder."""
    shutil.copytree(Path(search.__file__).parent, tmp_path / "search")
    (tmp_path / "search" / "methods" / "least_typical.py").write_text(NEW)
    asked = "from search import SearchConfig; print(SearchConfig(method='least-typical').batch)"
    asked += "; from dataclasses import fields; print(fields(SearchConfig)[2].metadata['help'])"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    said = subprocess.run(
        [sys.executable, "-c", asked], env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said.startswith("16\n")
    assert "least-typical" in said


@pytest.mark.parametrize("name", sorted(set(METHODS) - SLOW))
def test_another_seed_proposes_other_sets(digits: Dataset, pool: Pool, name: str) -> None:
    history = random_history(digits, pool, (2,) * 10)
    one, two = (
        METHODS[name].propose(view(digits, pool, (2,) * 10, history, seed=s), 1)[0] for s in (3, 4)
    )
    assert (one != two).any()


@pytest.mark.parametrize("name", ["random", "nearest-mean", "herding", "swap", "anneal", "genetic"])
def test_unbalanced_keeps_the_number_of_images(digits: Dataset, pool: Pool, name: str) -> None:
    history = random_history(digits, pool, (2,) * 10)
    sets = METHODS[name].propose(view(digits, pool, (2,) * 10, history, unbalanced=True), 20)
    quotas = {tuple(np.bincount(digits.train.labels[s], minlength=10)) for s in sets}
    assert {sum(q) for q in quotas} == {20}
    assert len(quotas) > 1


def test_swap_changes_one_to_three_images_of_the_best(digits: Dataset, pool: Pool) -> None:
    history = random_history(digits, pool, (2,) * 10)
    best = max(history, key=lambda entry: entry.score)
    sets = METHODS["swap"].propose(view(digits, pool, (2,) * 10, history), 60)
    assert {len(set(best.indices) - set(s)) for s in sets} == {1, 2, 3}


def test_a_cold_annealing_leaves_from_the_last_that_was_better(digits: Dataset, pool: Pool) -> None:
    drawn = random_history(digits, pool, [1] * 10)
    history = [replace(entry, position=entry.position + 10_000) for entry in drawn]
    best = max(history, key=lambda entry: entry.score)
    for indices in METHODS["anneal"].propose(view(digits, pool, (1,) * 10, history), 10):
        assert len(set(best.indices) - set(indices)) <= 3


def test_genetic_takes_images_of_good_parents(digits: Dataset, pool: Pool) -> None:
    history = random_history(digits, pool, (3,) * 10, 40)
    parents = {i for h in sorted(history, key=lambda h: -h.score)[:16] for i in h.indices}
    sets = METHODS["genetic"].propose(view(digits, pool, (3,) * 10, history), 30)
    foreign = [len(set(s) - parents) for s in sets]
    assert max(foreign) <= 3
    assert min(foreign) == 0


def test_tpe_goes_where_good_sets_were(digits: Dataset, pool: Pool) -> None:
    """Scores say: the farther right in each class's plane, the better."""
    from search.methods.tpe import _planes, _positions

    planes = _planes(pool)

    def right(indices: Sequence[int]) -> float:
        return float(_positions(pool, planes, tuple(indices))[:, 0].mean())

    history = [
        replace(h, score=right(h.indices)) for h in random_history(digits, pool, [1] * 10, 60)
    ]
    sets = METHODS["tpe"].propose(view(digits, pool, (1,) * 10, history), 20)
    assert np.mean([right(s) for s in sets]) > np.mean([h.score for h in history]) + 0.3
    with pytest.raises(UserError, match="balanced"):
        METHODS["tpe"].propose(view(digits, pool, (1,) * 10, history, unbalanced=True), 1)


def test_rules_are_what_they_say(digits: Dataset, pool: Pool) -> None:
    def first(name: str, quota: int) -> np.ndarray:
        return METHODS[name].propose(view(digits, pool, (quota,) * 10), 1)[0]

    images = digits.train.images.reshape(len(digits.train), -1)
    members = pool.members[4]
    ours = {
        name: [i for i in first(name, 3) if i in members]
        for name in ("nearest-mean", "kcenter", "herding", "facility-location", "maxherding")
    }
    assert set(ours["nearest-mean"]) == set(members[:3])
    reach = {
        name: np.min([((images[members] - images[i]) ** 2).sum(1) for i in chosen], 0)
        for name, chosen in ours.items()
    }
    assert reach["kcenter"].max() == min(r.max() for r in reach.values())
    assert np.sqrt(reach["facility-location"]).sum() < np.sqrt(reach["kcenter"]).sum()
    mean = images[members].mean(0)
    off = {name: ((images[chosen].mean(0) - mean) ** 2).sum() for name, chosen in ours.items()}
    assert off["herding"] == min(off.values())
    unit = images / np.linalg.norm(images, axis=1, keepdims=True)
    covered = {
        name: np.exp(2 * unit[members] @ unit[chosen].T - 2).max(1).mean()
        for name, chosen in ours.items()
    }
    assert covered["maxherding"] == max(covered.values())
    blurred = members[blurred_nearness(digits.train.images[members]).sum(1).argmax()]
    assert blurred in first("facility-location-blurred", 1)
    near = np.sort(np.sqrt(((images[members, None] - images[members]) ** 2).sum(2)))
    assert members[near[:, 1:21].mean(1).argmin()] in first("typiclust", 1)  # 0 is itself


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(3, 30), quota=st.integers(1, 3), equal=st.booleans(), seed=st.integers(0, 99)
)
def test_rules_never_take_an_image_twice(rows: int, quota: int, equal: bool, seed: int) -> None:
    """Also where all images of a class are the same."""
    rng = np.random.default_rng(seed)
    images = rng.random((2 * rows, 1, 4, 4), dtype=np.float32)
    if equal:
        images[:] = images[0]
    small = Pool.typical(ImageSet(images, np.arange(2 * rows) % 2))
    for name in ("kcenter", "herding", "facility-location", "maxherding", "typiclust"):
        look = View(small, (quota,) * 2, False, (), 0, seed, None, "", "", Fidelity(), frozenset())  # type: ignore[arg-type]
        assert len(set(METHODS[name].propose(look, 1)[0])) == 2 * quota


def test_methods_take_no_dropped_set_for_a_good_one(digits: Dataset, pool: Pool) -> None:
    """Sets that were dropped after a few lucky seeds: nobody starts from them."""
    complete = random_history(digits, pool, (2,) * 10, 30)
    taken = {entry.indices for entry in complete}
    drawn = METHODS["random"].propose(view(digits, pool, (2,) * 10, seed=2), 20)
    lucky = [
        Finished(30 + at, tuple(indices.tolist()), 99.0, complete=False)
        for at, indices in enumerate(drawn)
        if tuple(indices.tolist()) not in taken
    ]
    look = view(digits, pool, (2,) * 10, [*complete, *lucky])
    assert look.best() == max(complete, key=lambda entry: entry.score)
    assert look.ranked() == sorted(complete, key=lambda entry: -entry.score)
    theirs = {image for entry in lucky for image in entry.indices}
    theirs -= {image for entry in complete for image in entry.indices}
    for name in ("swap", "anneal", "genetic"):
        for indices in METHODS[name].propose(look, 10):
            assert len(theirs & set(indices.tolist())) <= 3  # which random swaps may bring in


def few_images(classes: int, each: int, equal: bool = False) -> ImageSet:
    """Small random images, `each` of a class, all of a class equal or not."""
    rng = np.random.default_rng(0)
    images = rng.random((classes * each, 1, 8, 8), dtype=np.float32)
    labels = np.repeat(np.arange(classes), each)
    return ImageSet(images[labels * each] if equal else images, labels)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", sorted(set(METHODS) - {"staged", "el2n", "forgetting"}))
@pytest.mark.parametrize(
    ("train", "quotas"),
    [
        (few_images(3, 1), (1, 1, 1)),  # one image of a class has no principal components
        (few_images(3, 2), (1, 2, 1)),
        (few_images(3, 6, equal=True), (3, 2, 6)),  # fewer distinct images than are asked for
        (few_images(2, 5), (2, 2, 0)),  # the third class has no image at all
    ],
)
def test_methods_make_do_with_few_images(
    digits: Dataset, name: str, train: ImageSet, quotas: tuple[int, ...]
) -> None:
    small = Pool.typical(train, 1.0, len(quotas))
    history: list[Finished] = []
    for _ in range(2):
        look = view(digits, small, quotas, history, oracle=None)
        sets = METHODS[name].propose(look, 3)
        for indices in sets:
            assert len(set(indices.tolist())) == sum(quotas)
            assert np.bincount(train.labels[indices], minlength=3).tolist() == list(quotas)
        history = scored(sets)


def test_a_class_without_images_is_refused_by_its_number() -> None:
    """The first, a middle and the last class: none is taken for the next one."""
    whole = few_images(3, 5)
    for missing in range(3):
        pool = Pool.typical(whole.take(np.flatnonzero(whole.labels != missing)), 1.0, 3)
        with pytest.raises(UserError, match=f"class {missing}, of which the pool has 0"):
            pool.check((1, 1, 1))
        pool.check([int(label != missing) for label in range(3)])


def test_a_set_that_leaves_none_to_score_on_is_refused() -> None:
    pool = Pool.typical(few_images(3, 5))
    pool.check((4, 4, 4))
    with pytest.raises(UserError, match="none is left to score it on"):
        pool.check((4, 5, 4))


def test_pool_is_ordered_by_typicality(digits: Dataset, pool: Pool) -> None:
    train = digits.train
    members = pool.members[3]
    assert set(train.labels[members]) == {3}
    mean = train.images[train.labels == 3].mean(0)
    distances = ((train.images[members] - mean) ** 2).sum((1, 2, 3))
    assert (np.diff(distances) >= 0).all()
    assert len(members) == round(0.3 * (train.labels == 3).sum())


@pytest.mark.parametrize("quotas", [[1] * 9, [0] * 10, [-1, *[1] * 9], [5000, *[1] * 9]])
def test_impossible_quotas_are_refused(pool: Pool, quotas: list[int]) -> None:
    with pytest.raises(UserError):
        pool.check(quotas)


def test_unknown_method_is_refused() -> None:
    with pytest.raises(UserError, match="staged"):
        named("magic")
