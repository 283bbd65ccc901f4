"""The essay's experiments: which protocols it ran on which sets, and what it published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

EXPERIMENTS = {
    "baselines": ("svm-rbf", "svm-linear", "knn", "tree", "forest", "mlp"),
    "conv": ("conv",),
    "expansion": ("conv-shift1", "conv-shift2"),
    "best": ("best",),  # ours, on the essay's sets
}
# The essay has these for full MNIST, too, under these protocols.
FULL = ("baselines", "conv", "expansion")
FULL_PROTOCOLS = (*EXPERIMENTS["baselines"], "conv", "conv-shift1")


@dataclass(frozen=True)
class Published:
    """One published accuracy.

    Attributes
    ----------
    protocol : str
    ipc : int
        Images per class; 0 for full MNIST.
    draw : str or None
        The draw of the set, as far as it is known; None for full MNIST.
    accuracy : float
        Percent on the 10,000 validation images.
    random : bool
        Whether the protocol depends on a seed. If not, our accuracy must be the same number.
    source : str
        Where the number was published.
    """

    protocol: str
    ipc: int
    draw: str | None
    accuracy: float
    random: bool
    source: str


@cache
def published() -> tuple[Published, ...]:
    """All published numbers, from `published.json`."""
    source = files("reproduce.essay").joinpath("published.json")
    content = json.loads(source.read_text(encoding="utf-8"))
    return tuple(Published(**entry) for entry in content["accuracies"])
