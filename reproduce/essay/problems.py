"""The essay's open problems as experiments: which protocols answer which question.

Every problem compares protocols on RMNIST/1, /5 and /10; what came of it stands in
`docs/essay-problems.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reproduce import protocols
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.transfer import backbones
from reproduce.transfer.autoencoder import Autoencoder
from reproduce.transfer.backbones import Backbone

HEADS = ("mlp", "linear-svm", "logistic", "nearest", "torch")
# Layers of the curve, early to late, for the networks that the project was run with.
LAYERS = {
    "resnet18": ("relu", "layer1", "layer2", "layer3", "layer4", "avgpool"),
    "mobilenet_v2": (*(f"features.{block}" for block in (1, 3, 6, 10, 13, 17)), "features"),
    "squeezenet1_1": (*(f"features.{block}" for block in (2, 4, 7, 9)), "features"),
}
# The last layer that the weights at hand reach, averaged over the map.
LAST = {"resnet18": "layer3", "mobilenet_v2": "features", "squeezenet1_1": "features"}
CODE = 64  # numbers that the autoencoder squeezes an image into
GRID = 4  # cells a side that keep some of a map's layout


@dataclass(frozen=True)
class Problem:
    """One question of the essay: the protocols that answer it, the first to be compared with.

    Attributes
    ----------
    name : str
        Of its table.
    title : str
    protocols : tuple of str
    """

    name: str
    title: str
    protocols: tuple[str, ...]


BASE = "conv-shift1"
EXPANSIONS = (
    Problem("jitter", "Intensity jitter", (BASE, *(f"{BASE}+jitter={s}" for s in (0.1, 0.2, 0.3)))),
    Problem("rotations", "Small rotations", (BASE, *(f"{BASE}+rotate={d}" for d in (5, 10, 20)))),
    Problem(
        "elastic",
        "Elastic distortions",
        (
            BASE,
            f"{BASE}+elastic=34",  # Simard, Steinkraus and Platt's own parameters
            f"{BASE}+elastic=20",
            f"{BASE}+elastic=60",
            f"{BASE}+elastic=34+rotate=10+scale=0.15",
        ),
    ),
    Problem(
        "others",
        "Other transformations",
        (
            BASE,
            f"{BASE}+scale=0.2",
            f"{BASE}+shear=0.3",
            f"{BASE}+stroke=0.7",
            f"{BASE}+mix=0.5",
            f"{BASE}+policy=trivial",
            f"{BASE}+policy=rand",
        ),
    ),
    Problem(
        "shifts",
        "Why two pixels help ten images only",
        ("conv", "conv-shift1", "conv-shift2", "conv+shift=1", "conv+shift=2", "conv+shift=3"),
    ),
)


def transfer_problems(name: str) -> tuple[Problem, ...]:
    """The problems about transfer, for one backbone of `LAYERS`."""
    layers = LAYERS[name]
    taps = [Backbone(name, layer, grid=grid) for layer in layers for grid in (1, GRID)]
    last = Backbone(name, LAST[name])
    mixed = protocols.features_name(Backbone(name, LAST[name], grid=GRID), "logistic", 1)
    return (
        Problem(
            f"heads-{name}",
            f"Classifiers on features of {name}",
            tuple(protocols.features_name(last, head) for head in HEADS),
        ),
        Problem(
            f"layers-{name}",
            f"Layers of {name}",
            tuple(protocols.features_name(tap, "logistic") for tap in taps),
        ),
        Problem(f"ensemble-{name}", f"{name} and conv", (BASE, mixed, f"{BASE}&{mixed}")),
    )


AUTOENCODER = Problem(
    "autoencoder",
    "An autoencoder",
    ("conv", *(f"autoencoder-{CODE}-{head}" for head in HEADS)),
)
PROBLEMS = (*EXPANSIONS, AUTOENCODER, *(p for name in LAYERS for p in transfer_problems(name)))


def register_transfer(
    name: str,
    weights: Path | None,
    data: Dataset,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """Make protocols of all layers that the weights reach; the problems' protocols among them.

    The validation images' features are computed here, in one pass for all layers.
    """
    if name not in LAYERS:
        raise UserError(f"no layers are set down for {name!r}, use one of {', '.join(LAYERS)}")
    taps = []
    for layer in LAYERS[name]:
        try:
            taps += [Backbone.load(name, layer, weights, grid) for grid in (1, GRID)]
        except UserError:
            if not taps:
                raise
            break  # weights that end here
    backbones.features(taps, data.validation.images, progress=progress)
    made = {
        protocols.on_features(tap, head, shifts)
        for tap in taps
        for head in HEADS
        for shifts in (0, 1)
    }
    asked = [name for problem in transfer_problems(name) for name in problem.protocols]
    return [name for name in asked if all(p in made for p in name.split("&") if p != BASE)]


def register_autoencoder(
    data: Dataset, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[str]:
    """Train the autoencoder on all training images without their labels; its protocols."""
    learned = Autoencoder.train(data.train.images, CODE, progress=progress)
    return [protocols.on_features(learned, head) for head in HEADS]


def essay_transfer(name: str, layer: str, weights: Path | None) -> list[str]:
    """The essay's transfer experiment with a backbone: its protocols, plain and on shifts."""
    backbone = Backbone.load(name, layer, weights)
    return [protocols.on_features(backbone, "mlp", shifts) for shifts in (0, 1)]
