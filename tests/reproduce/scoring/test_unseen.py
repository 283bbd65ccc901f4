"""On the training split a set is judged by the images that it does not hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Fidelity, Oracle, UserError
from reproduce.data import ImageSet
from reproduce.essay import draws
from reproduce.essay.draws import real_candidate
from reproduce.predictions import predictions
from reproduce.scoring.unseen import Unseen

QUICK = Fidelity(images=60, epochs=3)


def holding(data: Dataset, part: int, count: int = 1) -> Candidate:
    """A set of which many images are among those that are scored."""
    scored = data.train.stratified(60, part)
    near = Unseen(data.train)
    first = np.concatenate([np.flatnonzero(scored.labels == c)[:count] for c in range(10)])
    chosen = near.own_images(replace(draws.rmnist(data, count), images=scored.images[first]))
    return real_candidate(data, chosen, name="holding", method="test")


def by_hand(data: Dataset, candidate: Candidate, protocol: str, part: int) -> float:
    """Accuracy over the images that the candidate does not hold."""
    scored = data.train.stratified(60, part)
    own = (scored.images[:, None] == candidate.images[None]).all((2, 3, 4)).any(1)
    assert 0 < own.sum() < 60
    guesses = predictions(candidate, protocol, [0], scored.images)[0]
    return 100 * float((guesses == scored.labels)[~own].mean())


@pytest.mark.parametrize("protocol", ["knn", "svm-rbf", "knn&tree"])
def test_own_images_do_not_judge(digits: Dataset, protocol: str) -> None:
    oracle = Oracle(digits, workers=1)
    for part in (0, 3):
        candidate, fidelity = holding(digits, part), Fidelity(images=60, part=part)
        record = oracle.score(candidate, protocol, [0], "train", fidelity=fidelity)[0]
        assert record["accuracy"] == pytest.approx(by_hand(digits, candidate, protocol, part))
        assert (record["split"], record["images"], record.get("part", 0)) == ("train", 60, part)


@pytest.mark.parametrize("protocol", ["conv", "ridge-conv"])
def test_scores_on_train_are_the_same_in_any_stack(digits: Dataset, protocol: str) -> None:
    sets = [holding(digits, 0), holding(digits, 1), draws.rmnist(digits, 1)]
    seeds = [0, 1]
    alone = [
        Oracle(digits, workers=1).score(one, protocol, [s], "train", fidelity=QUICK)[0]
        for one in sets
        for s in seeds
    ]
    oracle = Oracle(digits, workers=1)
    together = oracle.score_many(sets, protocol, seeds, "train", fidelity=QUICK)
    assert [r["accuracy"] for r in together] == [r["accuracy"] for r in alone]


def test_a_second_copy_of_an_image_does_not_judge_either(digits: Dataset) -> None:
    twice = ImageSet(
        np.concatenate([digits.train.images, digits.train.images[:10]]),
        np.concatenate([digits.train.labels, digits.train.labels[:10]]),
    )
    candidate = real_candidate(digits, np.arange(2), name="first two", method="test")
    unseen = Unseen(twice)
    assert set(unseen.own_images(candidate)) >= {0, 1, len(digits.train), len(digits.train) + 1}
    judges = unseen.by(candidate)
    assert len(judges) == len(twice) - len(unseen.own_images(candidate))


def test_a_set_that_was_made_is_judged_by_all(digits: Dataset, ten: Candidate) -> None:
    made = replace(ten, images=ten.images * 0.5, indices=None)
    unseen = Unseen(digits.train)
    assert not len(unseen.own_images(made))
    assert unseen.by(made) is digits.train


def test_nothing_left_to_judge_is_refused(digits: Dataset) -> None:
    whole = draws.rmnist(digits, 0)
    with pytest.raises(UserError, match="holds all"):
        Oracle(digits, workers=1).score(whole, "knn", [0], "train")
