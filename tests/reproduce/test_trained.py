"""A trained network in hand: it is the one that the oracle scores."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from reproduce import Candidate, Dataset, Fidelity, Oracle, Recipe, UserError
from reproduce.trained import fit

SMALL = Recipe(model="convnet", width=4, depth=2, epochs=2, optimiser="adam", lr=0.01)
OWN = {
    "upright": replace(SMALL, frame="deskew"),
    "ensemble": replace(SMALL, ensemble=3, deskew=True),
    "solved": replace(SMALL, loss="mse", norm="none", ridge=1e-3),
    "descended": replace(SMALL, loss="mse", norm="none", head_steps=5),
    "batch norm": replace(SMALL, norm="batch"),
}


@pytest.mark.parametrize(
    ("protocol", "recipe"),
    [(name, None) for name in ("conv", "conv-shift1", "convnet", "best")]
    + [("own", name) for name in OWN],
)
def test_it_has_the_accuracy_that_the_oracle_records(
    digits: Dataset, ten: Candidate, protocol: str, recipe: str | None
) -> None:
    candidate = replace(ten, indices=None, recipe=recipe and OWN[recipe])
    oracle, quick = Oracle(digits, workers=1), Fidelity(epochs=2)
    split = "validation-a"
    scored = oracle.score(candidate, protocol, [3, 4], split, fidelity=quick)[1]["accuracy"]
    images = digits.split(split)
    network = oracle.fit(candidate, protocol, 4, epochs=2)
    found = network.predict(images.images)
    assert 100 * (found == images.labels).mean() == scored
    assert not network.training
    pixels = torch.tensor(images.images[:20])
    with torch.no_grad():  # blocks of another size may differ in the last bits of a logit
        answers = copy.deepcopy(network)(pixels)
    assert answers.shape == (20, 10)
    assert (answers.argmax(1).numpy() == network.predict(pixels)).mean() > 0.9


def test_gradients_pass_to_the_pixels(ten: Candidate) -> None:
    pixels = torch.tensor(ten.images, requires_grad=True)
    fit(replace(ten, recipe=OWN["upright"]), "own", 0)(pixels).square().sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.abs().sum() > 0


@pytest.mark.parametrize("protocol", ["knn", "ridge-conv", "kernel-conv", "conv&best"])
def test_what_trains_no_single_network_is_refused(ten: Candidate, protocol: str) -> None:
    with pytest.raises(UserError, match="no single network"):
        fit(ten, protocol, 0)


def test_a_candidate_as_a_dataset_of_pytorch(ten: Candidate) -> None:
    images, labels = next(
        iter(torch.utils.data.DataLoader(ten.tensor_dataset(), batch_size=len(ten)))
    )
    np.testing.assert_array_equal(images, ten.images)
    np.testing.assert_array_equal(labels, ten.labels)
    images += 1  # a copy: the candidate cannot be changed
    assert ten.images.max() <= 1
