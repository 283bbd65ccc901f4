"""`unroll`: gradient through training (Wang et al. 2018; windows: RaT-BPTT, Feng et al. 2024).

Inner momentum, learned rates and soft labels are the recipe's.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from distill.config import DistillConfig
from distill.inner.networks import Networks
from distill.inner.steps import square_root
from distill.methods import Method, Stage
from distill.objectives.base import (
    STRENGTH,
    outer_cross_entropy,
    ridge_answers,
    saved_bytes,
    too_large,
)
from distill.objectives.networks import NetworkObjective, learning_steps


class Unroll(NetworkObjective):
    """Cross-entropy on real images after training on the set, through its last `window` steps.

    Windows lie anywhere in the part of a training that learns: before a window comes a network of
    the pool, trained without a graph. Without a window, all of that part is differentiated.
    """

    OBEYS = ("window",)
    segment: int | None = None  # steps that are recomputed at a time in the backward pass

    @classmethod
    def ages(cls, config: DistillConfig, steps: int) -> tuple[int, int]:
        return 0, steps - min(config.window or steps, steps)

    @property
    def window(self) -> int:
        """Inner steps that are differentiated."""
        steps = learning_steps(self.recipe, len(self.synthetic.images))
        return min(self.config.window or steps, steps)

    def loss(self) -> Tensor:
        return self.judged(self.trained(self.window, self.segment))

    def trained(self, steps: int, segment: int | None = None) -> Networks:
        """The networks of this turn after some steps, with their graph."""
        return self.trainer.trained(
            self.networks, self.synthetic, steps, graph=True, segment=segment
        )

    def judged(self, networks: Networks) -> Tensor:
        """Cross-entropy of networks on the real images, with the recipe's last layer."""
        recipe, synthetic = self.recipe, self.synthetic
        features, answers = self.trainer(networks, self.seen)
        if recipe.ridge is not None or recipe.head_steps:
            ours = self.trainer(networks, self.inputs()[None])[0]
            answers = ridge_answers(ours, synthetic.scores(), features, recipe.ridge or STRENGTH)
        # Scores need a temperature. Logits have one, too: soft labels teach timid networks, which
        # the cross-entropy would otherwise blame on the labels.
        scale = 1.0 if recipe.loss == "mse" else 1 / self.member.temperature
        return outer_cross_entropy(scale * synthetic.logits(answers, self.number), self.real[1])

    def fit(self, room: int) -> int:
        """Recompute, or shorten the window, to stay within so many bytes; bytes of an update."""
        self.begin(0)
        step = saved_bytes(lambda: self.trained(1))
        # Trained networks have a graph behind them; those of the pool have none.
        judged = saved_bytes(lambda: self.judged(self.networks.with_gradients()))
        state = sum(t.nbytes for t in self.networks.tensors)
        window, self.segment, needed = plan_unroll(self.window, step, state, judged, room)
        if window != self.window:
            self.config = replace(self.config, window=window)
            self.pool = self.make_pool()
        return needed

    def ways(self) -> list[str]:
        words = [f"through {self.window} inner steps"]
        if self.segment:
            words.append(f"recomputed {self.segment} at a time")
        return words


def plan_unroll(
    window: int, step: int, state: int, judged: int, limit: int
) -> tuple[int, int | None, int]:
    """Keep the whole graph if it fits; else recompute segments; else shorten the window, too.

    Parameters
    ----------
    window : int
        Steps that are to be differentiated.
    step, state, judged : int
        Bytes that one step's graph keeps, of the networks' state, and of the outer loss's graph.
    limit : int
        Bytes that there are. The backward pass needs about as much again for gradients, of one
        segment and of the outer loss, one after the other.

    Returns
    -------
    window : int
        Inner steps that can be differentiated.
    segment : int or None
        Steps whose graph is kept at a time; None: all.
    needed : int
        About the bytes that an update then takes.

    Raises
    ------
    UserError
        When not even one step fits.
    """
    needed = window * step + judged + max(step, judged)
    if needed <= limit:
        return window, None, needed
    for shorter in range(window, 0, -1):
        segment = square_root(shorter)
        needed = -(-shorter // segment) * state + segment * step + judged + max(step, judged)
        if needed <= limit:
            return shorter, segment, needed
    raise too_large(needed - limit)


METHOD = Method(
    (Stage(Unroll),),
    {
        "protocols": ("sgd",),
        "batch": 256,
        "reuse": 1,
        "image_lr": 0.01,
        "width": 32,
        "window": 0,
        "start": "mean",
        "learn": "both",
    },
    surrogates=True,
)
