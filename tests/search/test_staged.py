"""The stages: what is explored is sifted, and what is proposed is worth it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reproduce import Dataset, Fidelity, Oracle
from search import Pool
from search.methods import staged
from search.methods.base import Finished, View
from search.proxy.swaps import Proxy

pytestmark = pytest.mark.usefixtures("small_stages")


@pytest.fixture
def view(digits: Dataset) -> View:
    return View(
        pool=Pool.typical(digits.train, 0.5),
        quotas=(1,) * 10,
        unbalanced=False,
        history=[],
        start=1,
        seed=0,
        oracle=Oracle(digits, workers=1),
        protocol="conv",
        split="train",
        fidelity=Fidelity(100),
        taken=frozenset(),
    )


def test_a_round_beats_its_start_under_the_oracle(view: View) -> None:
    worst = np.array([members[-1] for members in view.pool.members])
    look = View(**{**vars(view), "history": [Finished(0, tuple(worst.tolist()), 20.0)]})
    sets = [worst, *staged.staged(look, 2)]
    candidates = [staged.candidate_of(look, indices) for indices in sets]
    records = look.oracle.score_many(
        candidates, "conv", [5, 6], "validation-b", fidelity=Fidelity(None, 60)
    )
    before, *after = np.array([r["accuracy"] for r in records]).reshape(-1, 2).mean(1)
    assert np.mean(after) > before + 3


def test_a_pool_of_all_of_train_leaves_images_to_score_on(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundled digits have so few of a class that the stages would choose from all of them."""
    monkeypatch.setattr(staged, "STAGES", replace(staged.STAGES, typical=100, others=100))
    train = view.pool.train
    look = replace(view, pool=Pool.typical(train), protocol="knn")
    sets = staged.staged(look, 2)
    assert [len(np.unique(indices)) for indices in sets] == [10, 10]
    chosen = staged.shortlist(look, np.random.default_rng(0))
    left = np.setdiff1d(np.arange(len(train)), chosen)
    assert np.bincount(train.labels[left]).min() >= np.bincount(train.labels).min() // 2


def test_sift_keeps_what_the_oracle_prefers(view: View) -> None:
    look = View(**{**vars(view), "protocol": "knn"})
    rng = np.random.default_rng(0)
    sets = [np.array([rng.choice(m) for m in look.pool.members]) for _ in range(9)]
    candidates = [staged.candidate_of(look, indices) for indices in sets]
    scored = look.oracle.score_many(candidates, "knn", [0], look.split, fidelity=staged.low(look))
    scores = [record["accuracy"] for record in scored]
    kept = staged.sift(look, sets, 3)
    best = np.argsort(scores, kind="stable")[::-1][:3]
    assert [s.tolist() for s in kept] == [sets[i].tolist() for i in best]


def test_sets_that_go_on_differ(view: View) -> None:
    start = np.arange(10)
    near = [np.append(np.arange(9), image) for image in (20, 21, 22)]
    far = [np.arange(100, 110), np.append(np.arange(100, 109), 200), np.arange(300, 310)]
    kept = staged.apart([*far, *near], start, 4)
    assert [k.tolist() for k in kept] == [near[0].tolist(), far[0].tolist(), far[2].tolist()]
    assert len(staged.apart(far, start, 2, kept)) == 3


def test_low_fidelity_is_a_share_of_the_protocols_epochs(view: View) -> None:
    """Of ten images, which are trained on for 500 epochs; less where the search trains for less."""
    assert staged.low(view).epochs == 50
    for searched, sifted in ((200, 50), (20, 20)):
        asked = View(**{**vars(view), "fidelity": Fidelity(90, searched, 3)})
        assert staged.low(asked) == Fidelity(90, sifted, 3)
    assert staged.low(View(**{**vars(view), "protocol": "knn"})).epochs is None


def test_an_unbalanced_climb_gives_a_class_without_an_image_one(view: View) -> None:
    """A kernel of pixels stands for the networks' features."""
    images = np.concatenate([members[:6] for members in view.pool.members])
    scoring = np.concatenate([members[6:26] for members in view.pool.members])
    near, far = view.pool.pixels(images), view.pool.pixels(scoring)
    bounds = np.arange(0, 201, 20)
    gram, cross = (near @ other.T / 20 for other in (near, far))
    proxy = Proxy(gram, cross, bounds, np.repeat(np.arange(10), 6), 0.1)
    start = np.array([0, 1, *range(12, 60, 6)])  # two images of class 0, none of class 1
    for unbalanced in (False, True):
        found = staged.explore(proxy, start, 6, np.random.default_rng(0), unbalanced)
        assert {len(set(chosen)) for chosen in found} == {10}
        classes = {tuple(proxy.classes[list(chosen)]) for chosen in found}
        assert any(1 in own for own in classes) == unbalanced
