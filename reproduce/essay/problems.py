"""The essay's open problems as experiments: for each, the protocols that answer it.

Every problem compares protocols on RMNIST/1, /5 and /10; `docs/essay-problems.md` has the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reproduce import protocols
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.support.progress import Progress, silent
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


BASE = "conv-shift1"
# For each problem its protocols; the others are compared with the first.
EXPANSIONS = {
    "jitter": (BASE, *(f"{BASE}+jitter={deviation}" for deviation in (0.1, 0.2, 0.3))),
    "rotations": (BASE, *(f"{BASE}+rotate={degrees}" for degrees in (5, 10, 20))),
    "elastic": (  # 34: parameters of Simard, Steinkraus and Platt
        *(BASE, f"{BASE}+elastic=34", f"{BASE}+elastic=20", f"{BASE}+elastic=60"),
        f"{BASE}+elastic=34+rotate=10+scale=0.15",
    ),
    "others": (
        *(BASE, f"{BASE}+scale=0.2", f"{BASE}+shear=0.3", f"{BASE}+stroke=0.7", f"{BASE}+mix=0.5"),
        *(f"{BASE}+policy=trivial", f"{BASE}+policy=rand"),
    ),
    "shifts": (
        "conv",
        *(f"conv-shift{n}" for n in (1, 2)),
        *(f"conv+shift={n}" for n in (1, 2, 3)),
    ),
}


def transfer_problems(name: str) -> dict[str, tuple[str, ...]]:
    """The problems about transfer from one backbone of `LAYERS`: classifiers, layers, ensembles."""
    last, mixed = Backbone(name, LAST[name]), Backbone(name, LAST[name], grid=GRID)
    taps = [Backbone(name, layer, grid=grid) for layer in LAYERS[name] for grid in (1, GRID)]
    shifted = protocols.features_name(mixed, "logistic", 1)
    return {
        f"heads-{name}": tuple(protocols.features_name(last, head) for head in HEADS),
        f"layers-{name}": tuple(protocols.features_name(tap, "logistic") for tap in taps),
        f"ensemble-{name}": (BASE, shifted, f"{BASE}&{shifted}"),
    }


PROBLEMS = {
    **EXPANSIONS,
    "autoencoder": ("conv", *(f"autoencoder-{CODE}-{head}" for head in HEADS)),
    **{problem: made for name in LAYERS for problem, made in transfer_problems(name).items()},
}


def reached(name: str, weights: Path | None) -> list[Backbone]:
    """The layers of a backbone that the weights reach, each averaged and as a map of cells.

    Raises
    ------
    UserError
        For a backbone without listed layers, and for weights that do not reach the first.
    """
    if name not in LAYERS:
        raise UserError(f"no layers are set down for {name!r}, use one of {', '.join(LAYERS)}")
    taps: list[Backbone] = []
    for layer in LAYERS[name]:
        try:
            taps += [Backbone.load(name, layer, weights, grid) for grid in (1, GRID)]
        except UserError:
            if not taps:
                raise
            break  # the weights end before this layer
    return taps


def register_transfer(
    taps: Sequence[Backbone],
    data: Dataset,
    progress: Progress = silent,
) -> list[str]:
    """Register the protocols of layers, at least one; return those that problems ask for.

    The features of the validation images are computed here, in one pass for all layers.
    """
    backbones.features(taps, data.validation.images, progress=progress)
    made = {
        protocols.on_features(tap, head, shifts)
        for tap in taps
        for head in HEADS
        for shifts in (0, 1)
    }
    wanted = [name for names in transfer_problems(taps[0].name).values() for name in names]
    return [name for name in wanted if all(p in made for p in name.split("&") if p != BASE)]


def register_autoencoder(data: Dataset, progress: Progress = silent) -> list[str]:
    """Train the autoencoder on all training images, without labels; return its protocols."""
    learned = Autoencoder.train(data.train.images, CODE, progress=progress)
    return [protocols.on_features(learned, head) for head in HEADS]


def essay_transfer(name: str, layer: str, weights: Path | None) -> list[str]:
    """Register the essay's transfer experiment with a backbone, plain and on shifted images."""
    backbone = Backbone.load(name, layer, weights)
    return [protocols.on_features(backbone, "mlp", shifts) for shifts in (0, 1)]
