"""How `best` was tuned: its variants on random draws that are not the essay's.

Four random balanced sets of each size, one replicate each, 2,000 images of validation's first
half. Writes `results/benchmarks/best.json` after every variant and passes over what it holds.
"""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.speed.oracle import random_sets
from reproduce import Candidate, Fidelity, Oracle, Recipe, load, protocols
from reproduce.images.distort import Distortion
from reproduce.support.files import write_whole

OUT = Path("results/benchmarks/best.json")
SETS = 4
SIZES = (1, 5)  # a hundred images are trained on as fifty are
SCORED = Fidelity(images=2000)
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


def _given(recipe: Recipe, candidate: Candidate) -> Recipe:
    return recipe


def main() -> None:
    """Score all variants at both sizes."""
    data = load("mnist")
    oracle = Oracle(data)
    done = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    draws = {ipc: random_sets(data, ipc, SETS) for ipc in SIZES}
    for title, changes in VARIANTS.items():
        for ipc, sets in draws.items():
            recipe = variant(single(sets[0]), changes)
            key = f"{title}/{ipc}"
            if done.get(key, {}).get("recipe") == recipe.to_dict():
                continue
            protocols.PROTOCOLS["tuned"] = partial(_given, recipe)
            records = oracle.score_many(sets, "tuned", [0], "validation-a", fidelity=SCORED)
            values = [record["accuracy"] for record in records]
            done[key] = {
                "variant": title,
                "ipc": ipc,
                "sets": SETS,
                "mean": float(np.mean(values)),
                "standard_error": float(np.std(values, ddof=1) / SETS**0.5),
                "recipe": recipe.to_dict(),
            }
            write_whole(OUT, json.dumps(done, indent=1).encode())
            Console().print(f"{key}: {done[key]['mean']:.2f} ± {done[key]['standard_error']:.2f}")


if __name__ == "__main__":
    main()
