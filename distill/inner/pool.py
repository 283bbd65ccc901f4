"""Networks of mixed ages, trained on the set as it changes (Zhou et al. 2022, FRePo)."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from distill import ranks
from distill.config import DistillConfig
from distill.inner.steps import Networks, Trainer
from distill.synthetic import SyntheticSet

STRIDE = 3  # steps after each use
QUICK = 20  # uses in the life of a network whose steps are compiled


class Pool:
    """Stacks of networks at ages from `youngest` to `oldest`; one of them is used at a time.

    Parameters
    ----------
    trainer : Trainer
    config : DistillConfig
        Its `pool` says how many stacks are kept, its `stride` how many steps a stack takes after
        each use. Its `seed` and the number of the use decide which networks are drawn.
    youngest, oldest : int
        A new stack is trained for `youngest` steps before its first use; one that would grow
        older than `oldest` is replaced. Where the two are equal, all are always new.
    """

    def __init__(self, trainer: Trainer, config: DistillConfig, youngest: int, oldest: int) -> None:
        self.trainer, self.seed = trainer, config.seed
        quick = max(STRIDE, (oldest - youngest) // QUICK) if trainer.compiled else STRIDE
        self.stride = config.stride or quick
        self.youngest, self.oldest = youngest, oldest
        self.rank, self.ranks = ranks.join()
        self.slots: list[Networks | None] = [None] * (config.pool if oldest > youngest else 1)
        # The first of each slot retire early, so that ages mix from the start.
        step = (oldest - youngest) / len(self.slots)
        self.retirement = [youngest + step * (slot + 1) for slot in range(len(self.slots))]

    @property
    def turnover(self) -> float:
        """Steps of training a turn, over many turns, by those that `advance` takes in one.

        A stack is trained for `youngest` steps at once, and grows older after all its uses but the
        last, when it retires.
        """
        grown = (self.oldest - self.youngest) // self.stride
        return (self.youngest / self.stride + grown) / (grown + 1) if grown else 1.0

    def draw(self, turn: int, synthetic: SyntheticSet) -> tuple[int, Networks]:
        """The stack of use number `turn`, and its slot; a new one is trained on the set."""
        slot = int(np.random.default_rng([self.seed, turn, 1]).integers(len(self.slots)))
        found = self.slots[slot]
        if found is None:
            new = self.trainer.fresh(self._seeds(turn), len(synthetic.images))
            found = self.slots[slot] = self._older(new, self.youngest, synthetic)
        return slot, found

    def _seeds(self, turn: int) -> list[int]:
        """Seeds of new networks: those of this process among those of all processes."""
        nets = self.trainer.nets
        drawn = np.random.default_rng([self.seed, turn, 2]).integers(2**31, size=nets * self.ranks)
        return [int(seed) for seed in drawn[self.rank * nets : (self.rank + 1) * nets]]

    def advance(self, slot: int, synthetic: SyntheticSet) -> None:
        """Let a stack grow older on the set as it is now, or make room for a new one."""
        networks = self.slots[slot]
        assert networks is not None
        if networks.age + self.stride > self.retirement[slot]:
            self.slots[slot], self.retirement[slot] = None, self.oldest
        else:
            self.slots[slot] = self._older(networks, self.stride, synthetic)

    def _older(self, networks: Networks, steps: int, synthetic: SyntheticSet) -> Networks:
        return self.trainer.trained(networks, synthetic, steps, graph=False)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors and containers."""
        slots = [None if n is None else _described(n) for n in self.slots]
        return {"slots": slots, "retirement": list(self.retirement)}

    def restore(self, state: dict[str, Any], images: int) -> None:
        """Take up what `state` described; ValueError where it describes another pool.

        `images` is the number of the set's images.
        """
        slots, retirement = list(state["slots"]), [float(age) for age in state["retirement"]]
        if not len(slots) == len(retirement) == len(self.slots):
            raise ValueError("slots")
        self.slots = [None if slot is None else self._networks(images, *slot) for slot in slots]
        self.retirement = retirement

    def _networks(
        self,
        images: int,
        parameters: list[Tensor],
        moments: list[Tensor],
        buffers: list[Tensor],
        seeds: list[int],
        draws: dict[str, Any],
    ) -> Networks:
        trainer = self.trainer
        parts = (parameters, moments, buffers)
        found = [[tensor.shape for tensor in tensors] for tensors in parts]
        if found != [trainer.shapes, trainer.shapes * trainer.moments, trainer.buffer_shapes]:
            raise ValueError("shapes of networks")
        begun = trainer.draws([int(seed) for seed in seeds], images)
        begun.restore(draws)
        first, second, third = (tuple(t.to(trainer.like) for t in tensors) for tensors in parts)
        return Networks(first, second, third, begun)


def _described(networks: Networks) -> list[Any]:
    tensors = (networks.parameters, networks.moments, networks.buffers)
    draws = networks.draws
    assert draws is not None
    return [*(list(part) for part in tensors), list(draws.seeds), draws.state()]
