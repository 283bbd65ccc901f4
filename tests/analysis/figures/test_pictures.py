"""Pictures of sets: in which order their images stand, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.figures.pictures import learned_words, some_of_each, start_classes
from reproduce import Candidate, Dataset
from reproduce.essay import draws


def test_images_keep_the_order_of_their_start(made: Candidate) -> None:
    """Whatever labels they learned; where a start had another order, the labels say it."""
    labels = made.labels.copy()
    labels[[2, 8]] = labels[[8, 3]]
    learned = replace(made, labels=labels)
    assert start_classes(learned).tolist() == list(range(10))
    said = "what started from 2 learned the label 8; what started from 8 learned the label 3"
    assert learned_words(learned) == said
    assert learned_words(made) == ""
    turned = replace(made, labels=made.labels[::-1])
    assert start_classes(turned).tolist() == list(range(9, -1, -1))


def test_large_sets_are_shown_evenly(digits: Dataset) -> None:
    fifty = draws.rmnist(digits, 5)
    assert np.bincount(fifty.labels[some_of_each(fifty, 20)]).tolist() == [2] * 10
    assert sorted(some_of_each(fifty, 500)) == list(range(50))
