"""Networks of mixed ages, trained on the set as it changes (Zhou et al. 2022, FRePo)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from distill.inner.augment import views
from distill.inner.steps import Networks, Trainer
from distill.synthetic import SyntheticSet


class Pool:
    """Stacks of networks at ages from `youngest` to `oldest`; one of them is used at a time.

    Parameters
    ----------
    trainer : Trainer
    size : int
        Stacks that are kept.
    youngest, oldest : int
        A new stack is trained for `youngest` steps before its first use; one that would grow
        older than `oldest` is replaced. Where the two are equal, all are always new.
    stride : int
        Steps that a stack takes after each use.
    seed : int
        Which networks come is decided by this, by the number of the use and by `rank`.
    rank, ranks : int
        This process trains networks rank * K to rank * K + K - 1 of a use's ranks * K.
    """

    def __init__(
        self,
        trainer: Trainer,
        size: int,
        youngest: int,
        oldest: int,
        stride: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.trainer, self.stride = trainer, stride
        self.youngest, self.oldest = youngest, oldest
        self.seed, self.rank, self.ranks = seed, rank, ranks
        self.slots: list[Networks | None] = [None] * (size if oldest > youngest else 1)
        # The first of each slot retire early, so that ages mix from the start.
        step = (oldest - youngest) / len(self.slots)
        self.retirement = [youngest + step * (slot + 1) for slot in range(len(self.slots))]

    def draw(self, turn: int, learned: SyntheticSet) -> tuple[int, Networks]:
        """The stack of use number `turn`, and its slot; a new one is trained on the set."""
        slot = int(np.random.default_rng([self.seed, turn, 1]).integers(len(self.slots)))
        found = self.slots[slot]
        if found is None:
            new = self.trainer.fresh(self._seeds(turn))
            found = self.slots[slot] = self._older(new, self.youngest, learned, [turn, 6])
        return slot, found

    def _seeds(self, turn: int) -> list[int]:
        drawn = np.random.default_rng([self.seed, turn, 2]).integers(
            2**31, size=self.trainer.nets * self.ranks
        )
        first = self.rank * self.trainer.nets
        return [int(s) for s in drawn[first : first + self.trainer.nets]]

    def advance(self, slot: int, turn: int, learned: SyntheticSet) -> None:
        """Let a stack grow older on the set as it is now, or put a fresh one in its place."""
        networks = self.slots[slot]
        assert networks is not None
        if networks.age + self.stride > self.retirement[slot]:
            self.slots[slot], self.retirement[slot] = None, self.oldest
            return
        self.slots[slot] = self._older(networks, self.stride, learned, [turn, 3])

    def _older(
        self, networks: Networks, steps: int, learned: SyntheticSet, numbers: list[int]
    ) -> Networks:
        """The networks after some steps on the set; `numbers` make their augmentation's seed."""
        x = learned.inputs()
        drawn = views(self.trainer, x, steps, [self.seed, self.rank, *numbers])
        return self.trainer.trained(
            networks, drawn, x, learned.labels(), learned.rates(), graph=False
        )

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors and containers."""
        slots = [
            None if n is None else [list(n.parameters), list(n.moments), n.age] for n in self.slots
        ]
        return {"slots": slots, "retirement": list(self.retirement)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` described; ValueError where it describes another pool."""
        slots, retirement = list(state["slots"]), [float(age) for age in state["retirement"]]
        if len(slots) != len(self.slots) or len(retirement) != len(self.slots):
            raise ValueError("slots")
        self.slots = [None if slot is None else self._networks(*slot) for slot in slots]
        self.retirement = retirement

    def _networks(self, parameters: list[Tensor], moments: list[Tensor], age: int) -> Networks:
        shapes, like = self.trainer.shapes, self.trainer.like
        if [p.shape for p in parameters] != shapes or [
            m.shape for m in moments
        ] != shapes * self.trainer.moments:
            raise ValueError("shapes of networks")
        if not isinstance(age, int) or not 0 <= age <= self.oldest:
            raise ValueError("age of networks")
        return Networks(
            tuple(t.to(like) for t in parameters), tuple(t.to(like) for t in moments), age
        )


def real_batch(
    images: np.ndarray, labels: np.ndarray, classes: int, chosen: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Images (K, B, 1, H, W) and one-hot labels (K, B, C) at positions `chosen` (K, B)."""
    x = torch.from_numpy(images[chosen.ravel()]).unflatten(0, chosen.shape)
    y = torch.from_numpy(labels[chosen])
    return x, torch.nn.functional.one_hot(y, classes).to(x)
