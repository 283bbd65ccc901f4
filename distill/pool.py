"""Networks of mixed ages, trained on the set as it changes (Zhou et al. 2022, FRePo)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from distill.augment import views
from distill.inner import Networks, Trainer
from distill.learnable import SyntheticSet


class Pool:
    """Stacks of networks at ages from 0 to `oldest`; one of them is used at a time.

    Parameters
    ----------
    trainer : Trainer
    size : int
        Stacks that are kept.
    oldest : int
        A stack that would grow older is replaced by a fresh one. 0: all are always fresh.
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
        oldest: int,
        stride: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.trainer, self.oldest, self.stride = trainer, oldest, stride
        self.seed, self.rank, self.ranks = seed, rank, ranks
        self.slots: list[Networks | None] = [None] * (size if oldest else 1)
        # The first of each slot retire early, so that ages mix from the start.
        self.retirement = [oldest * (slot + 1) / size for slot in range(len(self.slots))]

    def draw(self, turn: int) -> tuple[int, Networks]:
        """The stack of use number `turn`, and its slot."""
        slot = int(np.random.default_rng([self.seed, turn, 1]).integers(len(self.slots)))
        found = self.slots[slot]
        if found is None:
            found = self.slots[slot] = self.trainer.fresh(self._seeds(turn))
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
        drawn = views(self.trainer, learned.inputs(), self.stride, [self.seed, turn, 3, self.rank])
        self.slots[slot] = self.trainer.trained(
            networks, drawn, learned.inputs(), learned.labels(), learned.rates(), graph=False
        )

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors and containers."""
        slots = [
            None if n is None else [list(n.parameters), list(n.moments), n.age] for n in self.slots
        ]
        return {"slots": slots, "retirement": list(self.retirement)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` described."""
        self.slots = [None if slot is None else self._networks(*slot) for slot in state["slots"]]
        self.retirement = list(state["retirement"])

    def _networks(self, parameters: list[Tensor], moments: list[Tensor], age: int) -> Networks:
        like = self.trainer.like
        return Networks(
            tuple(t.to(like) for t in parameters), tuple(t.to(like) for t in moments), age
        )


def real_batch(
    images: np.ndarray, labels: np.ndarray, classes: int, chosen: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Images (K, B, 1, H, W) and one-hot labels (K, B, C) at positions `chosen` (K, B)."""
    x = torch.from_numpy(images[chosen.ravel()]).unflatten(0, chosen.shape)
    y = torch.from_numpy(labels[chosen])
    return x, torch.nn.functional.one_hot(y, classes).float()
