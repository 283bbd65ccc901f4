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
FULL = ("baselines", "conv", "expansion")  # what the essay has for full MNIST, too,
FULL_PROTOCOLS = (*EXPERIMENTS["baselines"], "conv", "conv-shift1")  # under these protocols


@dataclass(frozen=True)
class Published:
    """One published accuracy.

    Attributes
    ----------
    protocol, ipc, accuracy : str, int, float
        Percent on the 10,000 validation images; ipc 0 is full MNIST.
    draw : str or None
        The draw that it belongs to, as far as is known; None for full MNIST.
    random : bool
        Whether the protocol depends on a seed; else our accuracy is to be the same number.
    source : str
    """

    protocol: str
    ipc: int
    draw: str | None
    accuracy: float
    random: bool
    source: str


@cache
def published() -> tuple[Published, ...]:
    """All published numbers, from the one file that holds them, `published.json`."""
    source = files("reproduce.essay").joinpath("published.json")
    content = json.loads(source.read_text(encoding="utf-8"))
    return tuple(Published(**entry) for entry in content["accuracies"])
