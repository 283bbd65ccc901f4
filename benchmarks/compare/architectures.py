"""Distilled sets scored in other networks: their own recipe with the network changed.

`python -m benchmarks.compare.architectures FILE...` writes
`results/benchmarks/cross-architecture.json`, set by set, on the half of validation that no
distillation has seen. The same command goes on (`runs/cross-architecture.jsonl`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.rows import Rows
from distill import validation
from reproduce import Oracle, UserError
from reproduce.candidate import Candidate
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, WorkersOption, configured, load_candidates
from reproduce.commands.terminal import progress, show_records
from reproduce.recipe import Recipe, marked
from reproduce.summary import score_table
from reproduce.support import provenance

SCORES = Path("runs/cross-architecture.jsonl")
PLAIN: dict[str, Any] = {"widths": (), "width": 128}
VARIANTS: dict[str, dict[str, Any]] = {
    "its own": {},
    **{f"width {width}": {"widths": (), "width": width} for width in (32, 64, 128, 256)},
    **{f"depth {depth}": {**PLAIN, "depth": depth} for depth in (2, 3, 4)},
    "no norm": {**PLAIN, "norm": "none"},
    **{f"{norm} norm": {**PLAIN, "norm": norm} for norm in ("batch", "instance", "group")},
    "the essay's net": {
        **PLAIN,
        "model": "conv",
        "depth": 3,
        "norm": "instance",
        "ridge": None,
        "head_steps": 0,
    },
    "MLP": {**PLAIN, "model": "mlp", "norm": "instance", "depth": 2, "width": 512},
    "ResNet": {**PLAIN, "model": "resnet", "norm": "batch", "width": 64},
}


def variants(candidate: Candidate) -> dict[str, Candidate]:
    """The set once for each of `VARIANTS`, with its recipe's network changed.

    Raises
    ------
    UserError
        When the set carries no recipe.
    """
    recipe = candidate.recipe
    if not isinstance(recipe, Recipe):
        raise UserError(f"{candidate.name!r} carries no recipe; give distilled sets")
    return {
        name: replace(candidate, name=f"{candidate.name}, {name}", recipe=replace(recipe, **made))
        for name, made in VARIANTS.items()
    }


@configured
def cross(
    choice: DataChoice,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    seeds: Annotated[int, typer.Option(help="Networks for each set and variant.", min=1)] = 5,
    only: Annotated[
        str, typer.Option(help="Show the scores of this variant, and write no row.")
    ] = "",
    workers: WorkersOption = None,
) -> None:
    """Score every variant of every set."""
    if only and only not in VARIANTS:
        raise UserError(f"--only {only!r}: no such variant, use one of {', '.join(VARIANTS)}")
    candidates = load_candidates(files)
    data = choice.open_for(candidates)
    oracle = Oracle(data, SCORES, workers=workers)
    if only:
        made = [variants(candidate)[only] for candidate in candidates]
        scored = oracle.score_many(made, "own", range(seeds), validation.FRESH)
        show_records(scored, False, score_table(scored, only))
        return
    rows = Rows("cross-architecture", dataset=data.title, seeds=seeds)
    for candidate in candidates:
        if not rows.has(candidate=candidate.hash):
            rows.add(
                candidate=candidate.hash,
                name=marked(candidate.name, candidate.frame),
                split=validation.FRESH,
                seeds=list(range(seeds)),
                command=provenance.command(),
                accuracies=accuracies(oracle, candidate, seeds),
            )


def accuracies(oracle: Oracle, candidate: Candidate, seeds: int) -> dict[str, list[float]]:
    """Accuracies of each variant of a set, one for each seed; equal variants are scored once."""
    made = variants(candidate)
    with progress(candidate.name) as update:
        scored = oracle.score_many(
            list(made.values()), "own", range(seeds), validation.FRESH, progress=update
        )
    found = {(record["candidate"], record["seed"]): record["accuracy"] for record in scored}
    return {name: [found[of.hash, seed] for seed in range(seeds)] for name, of in made.items()}


if __name__ == "__main__":
    run(application(cross, help="Score distilled sets in other architectures."))
