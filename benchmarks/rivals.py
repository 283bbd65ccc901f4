"""What a searched set is set beside: simple rules, the essay's draws, random sets."""

from __future__ import annotations

from reproduce import Candidate, Dataset, Oracle, essay
from search import SearchConfig, rivals


def simple_sets(data: Dataset, ipc: int) -> list[Candidate]:
    """The essay's draw and what the rules take of the whole training split, equal sets once."""
    drawn = essay.rmnist(data, ipc, "figures")
    sets = [drawn, *rivals.rule_sets(Oracle(data), SearchConfig(ipc=ipc))]
    return list({candidate.hash: candidate for candidate in reversed(sets)}.values())[::-1]


def random_sets(data: Dataset, ipc: int, count: int) -> list[Candidate]:
    """Balanced sets at random; the first of them do not depend on the count."""
    return rivals.random_sets(data, (ipc,) * len(data.classes), count)
