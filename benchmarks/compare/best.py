"""How `best` was tuned: its variants on random draws that are not the essay's.

Four random balanced sets of each size, one replicate each, 2,000 images of validation's first
half. Writes `results/benchmarks/best.json` after every variant; the same command goes on.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from benchmarks.rows import Rows
from benchmarks.speed.oracle import random_sets
from reproduce import Candidate, Fidelity, Oracle, Recipe, load, protocols
from reproduce.commands.application import application, run
from reproduce.commands.terminal import say
from reproduce.images.distortion import Distortion

SETS = 4
SIZES = (1, 5)  # a hundred images are trained on as fifty are
SPLIT, SCORED = "validation-a", Fidelity(images=2000)
NONE = dataclasses.asdict(Distortion())

# What differs from the recipe of one network of `best`; distortions by name.
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "images not deskewed": {"deskew": False},
    "no distortion but shifts": {"distortion": {**NONE, "shift": 2.0}},
    "no elastic distortion": {"distortion": {"elastic": 0.0}},
    "stronger elastic distortion": {"distortion": {"elastic": 60.0, "smooth": 5.0}},
    "half of rotation, scale, shear": {"distortion": {"rotate": 8.0, "scale": 0.1, "shear": 0.15}},
    "mixing of images": {"distortion": {"mix": 0.3}},
    "half as long": {"epochs": 0.5},
    "twice the width": {"width": 64},
    "two blocks": {"depth": 2},
    "the essay's net": {"model": "conv", "lr": 0.05, "weight_decay": 0.0},
}


def variant(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with its fields changed; `epochs` is a factor."""
    changes = dict(changes)
    if "epochs" in changes:
        changes["epochs"] = int(recipe.epochs * changes["epochs"])
    if "distortion" in changes:
        assert recipe.distortion
        changes["distortion"] = dataclasses.replace(recipe.distortion, **changes["distortion"])
    return dataclasses.replace(recipe, **changes)


def single(candidate: Candidate) -> Recipe:
    """One network of `best`."""
    made = protocols.recipe("best", candidate)
    assert made is not None
    return dataclasses.replace(made, ensemble=1)


def _tuned(recipe: Recipe, candidate: Candidate) -> Recipe:
    """A protocol that trains every candidate by one recipe."""
    return recipe


def main() -> None:
    """Score all variants at both sizes."""
    data = load("mnist")
    oracle, rows = Oracle(data), Rows("best", sets=SETS, split=SPLIT, images=SCORED.images)
    draws = {ipc: random_sets(data, ipc, SETS) for ipc in SIZES}
    for title, changes in VARIANTS.items():
        for ipc, sets in draws.items():
            recipe = variant(single(sets[0]), changes)
            if rows.has(variant=title, ipc=ipc, recipe=recipe.to_dict()):
                continue
            protocols.PROTOCOLS["tuned"] = partial(_tuned, recipe)
            records = oracle.score_many(sets, "tuned", [0], SPLIT, fidelity=SCORED)
            values = [record["accuracy"] for record in records]
            mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / SETS**0.5)
            rows.add(
                variant=title, ipc=ipc, mean=mean, standard_error=error, recipe=recipe.to_dict()
            )
            say(f"{title}, {ipc} a class: {mean:.2f} ± {error:.2f}")


if __name__ == "__main__":
    run(application(main, help="Score variants of `best`, as it was tuned."))
