"""What a searched set is set beside: simple rules, the essay's draws, random sets."""

from __future__ import annotations

import numpy as np

from reproduce import Candidate, Dataset, Oracle, essay
from search import SearchConfig
from search.study import rule_set

RULES = ("nearest-mean", "kmedoids", "herding", "facility-location", "kcenter")


def simple_sets(data: Dataset, ipc: int) -> list[Candidate]:
    """The essay's draw and what the rules take of the whole training split, equal sets once."""
    config = SearchConfig(ipc=ipc)
    drawn = essay.rmnist(data, ipc, "figures")
    sets = [drawn, *(rule_set(Oracle(data), config, rule) for rule in RULES)]
    return list({candidate.hash: candidate for candidate in reversed(sets)}.values())[::-1]


def random_sets(data: Dataset, ipc: int, count: int) -> list[Candidate]:
    """Balanced sets at random; the first of them do not depend on the count."""
    members = [np.flatnonzero(data.train.labels == label) for label in range(len(data.classes))]
    made = []
    for number in range(count):
        rng = np.random.default_rng([number, ipc])
        indices = np.concatenate([rng.choice(of, ipc, replace=False) for of in members])
        made.append(essay.real_candidate(data, indices, name="random sets", method="random"))
    return made
