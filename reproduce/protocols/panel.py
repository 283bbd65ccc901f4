"""Panels: the learners under which a set is measured that is to suit all of them."""

from __future__ import annotations

PANEL = (
    *("conv", "conv-shift1", "convnet", "mlp-dc", "mlp", "svm-rbf", "knn", "forest"),
    *("resnet-small", "resnet-small-bn", "lenet", "alexnet", "vgg11", "resnet18"),
)
LARGE = ("alexnet", "vgg11", "resnet18")  # minutes of one core for each network
MOST_LARGE = 5  # networks of each of them, unless the user says more
SLOW = ("convnet", *LARGE)  # a minute of one core or more for each network
PANELS = {"standard": PANEL, "quick": tuple(name for name in PANEL if name not in SLOW)}


def panel_of(text: str) -> tuple[str, ...]:
    """The protocols of a panel, each once: of one in `PANELS`, or names with commas between."""
    return PANELS.get(text) or tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def panel_seeds(name: str, seeds: int, large: int | None = None) -> int:
    """Replicates under one protocol of a panel, where `seeds` are asked for in all.

    Parameters
    ----------
    name : str
        Of the protocol.
    seeds : int
        At least 1.
    large : int or None
        Replicates of a large network. None: as many as of others, but 5 at most.
    """
    return (large or min(seeds, MOST_LARGE)) if name in LARGE else seeds
