"""Distilled sets in other networks than theirs: their own recipe with the network changed.

`python -m benchmarks.cross_architecture FILE... --seeds 5` appends to
`results/distill/cross.jsonl`, on validation.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from reproduce import Oracle, load
from reproduce.application import application, run
from reproduce.candidate import Candidate
from reproduce.command import load_candidates, progress, score_table, show
from reproduce.recipe import Recipe

OUT = Path("results/distill/cross.jsonl")
PLAIN: dict[str, Any] = {"widths": (), "width": 128}
VARIANTS: dict[str, dict[str, Any]] = {
    "its own": {},
    **{f"width {width}": {"widths": (), "width": width} for width in (32, 64, 128, 256)},
    **{f"depth {depth}": {**PLAIN, "depth": depth} for depth in (2, 4)},
    **{f"{norm} norm": {**PLAIN, "norm": norm} for norm in ("batch", "instance", "group")},
    "the essay's net": {"model": "conv", "widths": (), "ridge": None, "zero_head": False},
    "MLP": {**PLAIN, "model": "mlp", "norm": "none", "depth": 2, "width": 512},
    "ResNet": {**PLAIN, "model": "resnet", "norm": "batch", "width": 64},
}


def variants(candidate: Candidate) -> list[Candidate]:
    """The set with its recipe's network changed, one for each of `VARIANTS`."""
    recipe = candidate.recipe
    assert isinstance(recipe, Recipe)
    return [
        replace(candidate, name=f"{candidate.name}, {name}", recipe=replace(recipe, **changes))
        for name, changes in VARIANTS.items()
    ]


def cross(
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    seeds: Annotated[int, typer.Option(help="Networks each.", min=1)] = 5,
    workers: Annotated[int | None, typer.Option(help="Processes; else one a core.")] = None,
) -> None:
    """Score every variant of every set on validation."""
    candidates = load_candidates(files)
    oracle = Oracle(load(candidates[0].dataset), OUT, workers=workers)
    made = [variant for candidate in candidates for variant in variants(candidate)]
    with progress("cross") as update:
        records = oracle.score_many(made, "own", range(seeds), progress=update)
    show(records, False, lambda: score_table("Other architectures", records))


if __name__ == "__main__":
    run(application(cross, help="Score distilled sets in other architectures."))
