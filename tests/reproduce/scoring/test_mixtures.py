"""Mixtures: probabilities of the same classes are averaged, whatever the set holds of them."""

from dataclasses import replace

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Fidelity, Oracle, Recipe, UserError, protocols
from reproduce.essay.draws import rmnist
from reproduce.predictions import predictions
from reproduce.scoring.mixture import Mixture

QUICK = Fidelity(images=200, epochs=3)


def without(candidate: Candidate, *classes: int) -> Candidate:
    """The set less all images of these classes."""
    kept = ~np.isin(candidate.labels, classes)
    return replace(
        candidate,
        images=candidate.images[kept],
        labels=candidate.labels[kept],
        indices=candidate.indices[kept],
    )


@pytest.fixture(scope="module")
def lacking(digits: Dataset) -> Candidate:
    """Bundled digits, three of each class but 0 and 5."""
    return without(rmnist(digits, 3), 0, 5)


@pytest.mark.parametrize("name", ["knn", "tree", "mlp"])
def test_a_mixture_with_itself_scores_as_its_member_where_classes_are_missing(
    digits: Dataset, lacking: Candidate, name: str
) -> None:
    images = digits.split("validation").images[:200]
    single = predictions(lacking, name, [3], images)
    mixed = predictions(lacking, f"{name}&{name}", [3], images)
    np.testing.assert_array_equal(mixed, single)
    assert not np.isin(mixed, [0, 5]).any()


def test_networks_and_classifiers_mix_where_classes_are_missing(
    digits: Dataset, lacking: Candidate
) -> None:
    """One network hardly trained says little, so that the neighbour, who is sure, decides."""
    oracle = Oracle(digits, workers=1)
    (mixed,) = oracle.score(lacking, "conv&knn", [0], fidelity=QUICK)
    (sure,) = oracle.score(lacking, "knn", [0], fidelity=QUICK)
    assert mixed["accuracy"] == sure["accuracy"]


def test_members_without_probabilities_are_refused_in_one_line(ten: Candidate) -> None:
    squared = Recipe(model="convnet", width=8, loss="mse")
    for candidate, name in (
        (ten, "conv&svm-rbf"),
        (ten, "svm-linear&knn"),
        (ten, "knn&ridge-conv"),
        (replace(ten, recipe=squared), "knn&own"),
    ):
        with pytest.raises(UserError, match="these do: knn, tree, forest, mlp, conv") as caught:
            protocols.learner(name, candidate)
        assert "\n" not in str(caught.value)
    recipe = replace(squared, loss="cross-entropy")
    learner = protocols.learner("knn&own", replace(ten, recipe=recipe))
    assert isinstance(learner, Mixture)
    assert all(member.gives_probabilities for member in learner.members)


def test_a_mixture_without_chance_is_scored_once(digits: Dataset, ten: Candidate) -> None:
    assert not protocols.learner("knn&knn", ten).random
    assert protocols.learner("knn&tree", ten).random
    assert len(Oracle(digits, workers=1).score(ten, "knn&knn", range(3))) == 1


@pytest.mark.parametrize("protocol", ["svm-rbf", "svm-linear", "knn", "tree", "conv", "ridge-conv"])
def test_protocols_take_a_set_of_few_classes(
    digits: Dataset, lacking: Candidate, ten: Candidate, protocol: str
) -> None:
    """Classes may be missing; what cannot learn from a single one says so in a line."""
    oracle = Oracle(digits, workers=1)
    zeros = without(ten, *range(1, 10))
    assert 0 <= oracle.score(lacking, protocol, [0], fidelity=QUICK)[0]["accuracy"] <= 100
    if protocol.startswith("svm"):
        with pytest.raises(UserError, match="cannot learn from this set"):
            oracle.score(zeros, protocol, [0], fidelity=QUICK)
    else:
        oracle.score(zeros, protocol, [0], fidelity=QUICK)
