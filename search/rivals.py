"""What a searched set has to beat: simple rules, and sets at random."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from reproduce.candidate import Candidate
from reproduce.data import Dataset
from reproduce.essay import draws
from reproduce.oracle import Oracle
from search import methods
from search.config import SearchConfig
from search.finalists import RANDOM_SETS
from search.queue import FIRST_RULES
from search.task import Task

RULES = (*FIRST_RULES, "kcenter", "facility-location-blurred")  # the simple rules


def rule_sets(
    oracle: Oracle, config: SearchConfig, rules: Sequence[str] = RULES
) -> list[Candidate]:
    """The sets that rules choose from the whole training split.

    Where rules agree, the set appears once, under the first of their names.
    """
    task = Task(oracle, dataclasses.replace(config, pool=1.0, start_sets="", unbalanced=False))
    view = task.view()
    sets: dict[str, Candidate] = {}
    for rule in rules:
        candidate = task.candidate(
            methods.named(rule).propose(view, 1)[0],
            name=rule.replace("-", " "),
            method=rule,
            role="simple rule",
        )
        sets.setdefault(candidate.hash, candidate)
    return list(sets.values())


def simple_sets(data: Dataset, ipc: int) -> list[Candidate]:
    """The essay's draw and the sets of the simple rules, each set once."""
    drawn = draws.rmnist(data, ipc, "figures")
    sets = [drawn, *rule_sets(Oracle(data), SearchConfig(ipc=ipc))]
    return list({candidate.hash: candidate for candidate in reversed(sets)}.values())[::-1]


def random_sets(data: Dataset, quotas: Sequence[int], count: int) -> list[Candidate]:
    """Random sets with these numbers of images of each class, from seeds that no search uses.

    The first sets do not depend on the count.
    """
    return [
        draws.random_candidate(
            data,
            quotas,
            np.random.default_rng([number, max(quotas)]),
            name=RANDOM_SETS,
            role=RANDOM_SETS,
        )
        for number in range(count)
    ]
