"""Two sets on the same seeds: which is better, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reproduce.records import Record
from reproduce.summary import Paired, by_seed, paired

SURE = 0.05  # p values below that are more than chance explains


@dataclass(frozen=True)
class Duel:
    """Two sets on the same seeds: the rival's name, and the paired test of ours against it."""

    rival: str
    test: Paired

    @property
    def won(self) -> bool:
        """Whether ours is better by more than chance explains: p < 0.05."""
        return self.test.difference.mean > 0 and self.test.p < SURE

    def __str__(self) -> str:
        gain = self.test.difference
        if math.isnan(self.test.p):
            return f"{gain.mean:+.2f} points over {self.rival}, from one seed"
        found = f"± {gain.se:.2f} points, over {gain.n} paired seeds, p = {self.test.p:.2g}"
        if self.won:
            return f"Better than {self.rival} by {gain.mean:.2f} {found}"
        said = "Not shown to be better" if gain.mean > 0 else "Not better"
        return f"{said} than {self.rival}: {gain.mean:+.2f} {found}"


def duel(ours: Sequence[Record], theirs: Sequence[Record]) -> Duel:
    """The paired comparison of two sets over the seeds that both have."""
    return Duel(theirs[0]["name"], paired(by_seed(ours), by_seed(theirs)))
