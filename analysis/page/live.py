"""What the page trains in the reader's browser: sets as bytes, and how it trains on each."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.figures.pictures import by_class, learned_words, start_classes
from analysis.page.headline import Leader
from analysis.page.story import Look
from analysis.results import Results
from analysis.sources import Source
from analysis.tables.leaderboard import CHANCE
from reproduce.candidate import Candidate
from reproduce.recipe import MNIST_MEAN, MNIST_STD, UPRIGHT, Recipe, marked

SIDE = 28  # pixels, that the page's network takes
WIDEST = 32  # channels of an own recipe: wider nets take a browser minutes
MOST = 100  # images of a set
LONGEST = 60  # steps of an own recipe
STEPS, RATE = 20, 0.001
# How the page trains on every set that brings no recipe which the page can follow. The widths and
# the steps are the least by which ten synthetic images teach it to read 93 % of MNIST's digits.
COMMON: dict[str, Any] = {"widths": [48, 96, 192], "mean": MNIST_MEAN, "std": MNIST_STD}
COMMON |= {"norm": False, "loss": "mse", "optimiser": "adam", "momentum": 0.0, "decay": 0.0}
COMMON |= {"rates": [RATE] * STEPS, "ridge": 1e-5, "batch": MOST, "distortion": None}
COMMON_WORDS = f"{STEPS} steps of Adam, then the last layer by ridge regression"
SET_UPRIGHT = f"; {UPRIGHT}: what the network reads is set upright and centred first"


def live_part(results: Results, shown: Sequence[Look], first: Leader | None) -> dict[str, Any]:
    """What the page trains on and reads: of the data of its headline, or of the first it has.

    Empty where no images to be read, or no sets of `SIDE` pixels a side, are there.

    Parameters
    ----------
    shown : sequence of Look
        The sets that race.
    first : Leader or None
        The headline's.
    """
    found = [first.board.source.checksum] if first else list(results.samples)
    sample = next((results.samples[key] for key in found if key in results.samples), None)
    if sample is None or sample["side"] != SIDE:
        return {}
    source = results.source_of(sample)
    leader = results.candidates.get(first.row.candidate or "") if first else None
    frame = leader.frame if leader else "plain"
    sets = live_sets(results, source, frame, [look.hash for look in shown])
    if not sets or max(sample["labels"]) >= len(source.classes):
        return {}
    places = {one["hash"]: place for place, one in enumerate(sets)}
    race = [[look.kind, places[look.hash]] for look in shown if look.hash in places]
    # Of the largest random set the page draws other ones, one image of each class.
    drawn = [places[key] for key in places if results.candidates[key].role in CHANCE]
    return {
        "dataset": source.name,
        "checksum": source.checksum,
        "classes": source.classes,
        "recipe": {**COMMON, **_frame("plain", True, frame)},
        "race": race or [["this set", 0]],
        "hat": max(drawn, key=lambda place: len(sets[place]["targets"]), default=None),
        "sets": sets,
        "images": {"labels": sample["labels"], "pixels": sample["pixels"]},
    }


def live_sets(
    results: Results, source: Source, frame: str = "plain", exact: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The sets that the page offers, as JSON values: of one dataset, of up to `MOST` images.

    Small sets come before large ones. Real images are set upright where `frame`, the page's, says
    so. The sets whose hashes are in `exact` bring their files along.
    """
    candidates = sorted(results.candidates.values(), key=lambda c: (c.ipc, c.name, c.hash))
    return [
        {
            "name": marked(candidate.name, candidate.frame),
            "method": candidate.method,
            "hash": candidate.hash,
            "starts": start_classes(candidate)[by_class(candidate)].tolist(),
            "learned": learned_words(candidate, source.class_name),
            **as_bytes(candidate.images[by_class(candidate)]),
            "targets": targets(candidate)[by_class(candidate)].astype(float).round(4).tolist(),
            **_recipe(candidate, frame),
            "file": _file(results.paths[candidate.hash]) if candidate.hash in exact else "",
        }
        for candidate in candidates
        if candidate.checksum == source.checksum
        and candidate.images.shape[2:] == (SIDE, SIDE)
        and len(candidate) <= MOST
    ]


def targets(candidate: Candidate) -> np.ndarray:
    """What the page's net is to answer, (n, C): scores, or probabilities for an own recipe."""
    return candidate.targets() if runs_in_page(candidate.recipe) else candidate.scores()


def as_bytes(images: np.ndarray) -> dict[str, Any]:
    """Images (n, 1, H, W) in 256 levels from `low` to `high`: 0..1, or as far as they go."""
    low, high = min(0.0, float(images.min())), max(1.0, float(images.max()))
    levels = np.rint((images - low) / (high - low) * 255).astype(np.uint8)
    text = base64.b64encode(levels.tobytes()).decode()
    return {"low": round(low, 5), "high": round(high, 5), "pixels": text}


def _file(path: str) -> str:
    """A candidate's file in base64; empty where it cannot be read again."""
    try:
        return base64.b64encode(Path(path).read_bytes()).decode()
    except OSError:
        return ""


def _recipe(candidate: Candidate, frame: str) -> dict[str, Any]:
    """How the page trains on a set and reads, and in words."""
    own = candidate.recipe
    plan, words = (COMMON, COMMON_WORDS)
    if own and runs_in_page(own):
        plan, words = _own(own, len(candidate))
    framed = _frame(candidate.frame, candidate.role != "distilled", frame)
    words += SET_UPRIGHT if framed["frame"] == "deskew" else ""
    return {"recipe": {**plan, **framed}, "words": words}


def _frame(own: str, real: bool, page: str) -> dict[str, Any]:
    """The frame in which a net reads, and whether the set is set upright before it teaches."""
    upright = real and own == "plain" and page == "deskew"
    return {"frame": page if upright else own, "upright": upright}


def _own(own: Recipe, images: int) -> tuple[dict[str, Any], str]:
    """A set's own recipe, at most `WIDEST` channels wide, and in words."""
    width = min(own.width, WIDEST)
    rates = list(own.learning_rates or [own.lr] * own.epochs)
    plan = {"widths": [width] * own.depth, "mean": own.mean, "std": own.std, "rates": rates}
    plan |= {"momentum": own.momentum, "decay": own.weight_decay}
    less = f", {width} of its {own.width} channels" if width < own.width else ""
    words = f"its own recipe{less}: {len(rates)} steps on all {images} images"
    return {**plan, "batch": images, "distortion": None}, words


def runs_in_page(recipe: Recipe | None) -> bool:
    """Whether the page's net can follow it: plain SGD on whole batches of a ConvNet."""
    return (
        recipe is not None
        and recipe.model == "convnet"
        and recipe.norm == "instance"
        and recipe.depth <= 3
        and recipe.width % 4 == 0
        and recipe.schedule in ("list", "constant")
        and recipe.augment == "none"
        and recipe.ensemble == 1
        and not recipe.shifts
        and not recipe.deskew
        and recipe.epochs <= LONGEST
    )
