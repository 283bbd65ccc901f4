"""What the page trains in the reader's browser: sets as bytes, and recipes that it can run."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures.pictures import by_class
from analysis.page.headline import Leader
from analysis.results import Results
from analysis.sources import Source
from reproduce.candidate import Candidate
from reproduce.recipe import MNIST_MEAN, MNIST_STD, UPRIGHT, Recipe, marked

SIDE = 28  # pixels, that the page's network takes
WIDEST = 32  # channels: wider nets take a browser minutes
MOST = 100  # images of a set
LONGEST = 60  # steps of an own recipe
PLAIN = {"width": 16, "depth": 3, "momentum": 0.9, "decay": 0.0}
PLAIN |= {"mean": MNIST_MEAN, "std": MNIST_STD}
# For sets whose labels are scores, made for kernel ridge regression on features.
SQUARES = {**PLAIN, "width": 24, "momentum": 0.0, "norm": False, "loss": "mse"}
SQUARES |= {"optimiser": "adam", "ridge": 1e-6, "distortion": None}
ADAM_STEPS, ADAM_RATE = 40, 0.001
DISTORTION = {"turn": 15, "scale": 0.15, "move": 2}  # degrees, share of the size, pixels
RATE = 0.05
SET_UPRIGHT = f"; {UPRIGHT}: what the network reads is set upright and centred first"


def live_part(results: Results, leader: Leader | None) -> dict[str, Any] | None:
    """What the page trains on and reads: of the data of its headline, or of the first it has.

    None where no images to be read, or no sets of `SIDE` pixels a side, are there.
    """
    found = [leader.board.source.checksum] if leader else list(results.samples)
    sample = next((results.samples[key] for key in found if key in results.samples), None)
    if sample is None or sample["side"] != SIDE:
        return None
    source = results.source_of(sample)
    sets = live_sets(results, source, leader.row.candidate if leader else None)
    if not sets or max(sample["labels"]) >= len(source.classes):
        return None
    return {
        "title": source.title,
        "classes": source.classes,
        "sets": sets,
        "images": {"labels": sample["labels"], "pixels": sample["pixels"]},
    }


def live_sets(results: Results, source: Source, first: str | None = None) -> list[dict[str, Any]]:
    """The sets that the page offers, as JSON values: of one dataset, of up to `MOST` images.

    The candidate with the hash `first` leads; small ones come before large ones.
    """
    candidates = sorted(results.candidates.values(), key=lambda c: (c.hash != first, c.ipc, c.name))
    return [
        {
            "name": marked(candidate.name, candidate.frame),
            "method": candidate.method,
            "hash": candidate.hash,
            "classes": candidate.classes,
            **as_bytes(candidate.images[by_class(candidate)]),
            "targets": targets(candidate)[by_class(candidate)].astype(float).round(4).tolist(),
            **_recipe(candidate),
        }
        for candidate in candidates
        if candidate.checksum == source.checksum
        and candidate.images.shape[2:] == (SIDE, SIDE)
        and len(candidate) <= MOST
    ]


def targets(candidate: Candidate) -> np.ndarray:
    """What the page's net is to answer, (n, C): scores where the labels are scores."""
    return candidate.labels if candidate.label_scale == "score" else candidate.targets()


def as_bytes(images: np.ndarray) -> dict[str, Any]:
    """Images (n, 1, H, W) in 256 levels from `low` to `high`: 0..1, or as far as they go."""
    low, high = min(0.0, float(images.min())), max(1.0, float(images.max()))
    levels = np.rint((images - low) / (high - low) * 255).astype(np.uint8)
    text = base64.b64encode(levels.tobytes()).decode()
    return {"low": round(low, 5), "high": round(high, 5), "pixels": text}


def _recipe(candidate: Candidate) -> dict[str, Any]:
    """How the page trains on a set and reads, and in words."""
    plan, words = _training(candidate)
    words += SET_UPRIGHT if candidate.frame == "deskew" else ""
    return {"recipe": {**plan, "frame": candidate.frame}, "words": words}


def _training(candidate: Candidate) -> tuple[dict[str, Any], str]:
    """How the page trains on a set, and in words."""
    own = candidate.recipe
    if candidate.label_scale == "score":
        plan: dict[str, Any] = {**SQUARES, "rates": [ADAM_RATE] * ADAM_STEPS}
        words = f"{ADAM_STEPS} steps of Adam, then the last layer by ridge regression"
        return {**plan, "batch": len(candidate)}, words
    if own and runs_in_page(own):
        width = min(own.width, WIDEST)
        rates = own.learning_rates or [own.lr] * own.epochs
        settings: dict[str, Any] = {
            "width": width,
            "depth": own.depth,
            "mean": own.mean,
            "std": own.std,
        }
        settings |= {"momentum": own.momentum, "decay": own.weight_decay}
        less = f", {width} of its {own.width} channels" if width < own.width else ""
        words = f"its own recipe{less}: {len(rates)} steps on all {len(candidate)} images"
        rest = {"rates": list(rates), "batch": len(candidate), "distortion": None}
        return settings | rest, words
    steps = 80 if len(candidate) <= 20 else 200
    batch = min(10, len(candidate))
    plan = {**PLAIN, "rates": cosine(steps), "batch": batch, "distortion": DISTORTION}
    words = f"{steps} steps of {batch} images, each turned, scaled and moved a little every time"
    return plan, words


def runs_in_page(recipe: Recipe) -> bool:
    """Whether the page's net can follow it: plain SGD on whole batches of a ConvNet."""
    return (
        recipe.model == "convnet"
        and recipe.norm == "instance"
        and recipe.depth <= 3
        and recipe.schedule in ("list", "constant")
        and recipe.augment == "none"
        and recipe.ensemble == 1
        and not recipe.shifts
        and not recipe.deskew
        and recipe.epochs <= LONGEST
    )


def cosine(steps: int) -> Sequence[float]:
    """Learning rates that fall from `RATE` to about 0."""
    turn = math.pi / steps
    return [round(RATE * 0.5 * (1 + math.cos(turn * step)), 6) for step in range(steps)]
