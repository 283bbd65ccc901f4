"""How soon ten images teach so much: our distillation against the peers' plain PyTorch loops.

Every way works on one thread. Now and then its set is scored by two fresh networks on 2,000 images
of `validation-a`, under the evaluation that the method was made for; what that takes is not
counted. `python -m benchmarks.speed.distill_peers` writes `results/benchmarks/distill-peers.json`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
import typer

from analysis.tables.distill import GOALS, OURS, PEERS, peers
from benchmarks.rows import FOLDER, chosen, write
from benchmarks.speed.plain_distillation import (
    FREPO_WIDTHS,
    Made,
    condensation,
    feature_regression,
)
from distill import DistillConfig, Distiller, panel, validation
from reproduce import Candidate, Dataset, Fidelity, Oracle, UserError, load
from reproduce.commands.application import application, run
from reproduce.commands.terminal import progress, say
from reproduce.recipe import MNIST_MEAN, MNIST_STD, Recipe

FILE = "distill-peers"
SEEDS, SCORED = range(1000, 1002), Fidelity(images=2000)
GROWTH = 1.5  # a snapshot is taken when so many times the time of the last one has passed
Snapshot = tuple[int, Callable[[], Candidate]]  # updates so far, and the set on demand


@dataclass(frozen=True)
class Way:
    """A way to distil: its snapshots within so many minutes, its evaluation, minutes to the first.

    The evaluation is the name of a protocol.
    """

    snapshots: Callable[[Dataset, float], Iterator[Snapshot]]
    evaluation: str
    first: float


def ours(frame: str, data: Dataset, minutes: float) -> Iterator[Snapshot]:
    """`krr` with the settings of the shipped set of ten images in a frame.

    Its rate falls over the minutes. The run's own clock, which says how many of them are spent,
    becomes that of the processor.
    """
    config = DistillConfig(method="krr", minutes=minutes, widen=2, frame=frame)
    distiller = Distiller(data, config, "krr", "cpu")
    while distiller.done < 1:
        before, begun = distiller.progress.seconds, time.process_time()
        if not distiller._turn():
            raise UserError("krr: a gradient was not finite; run it again")
        distiller.progress.seconds = before + time.process_time() - begun
        yield distiller.progress.step, distiller.candidate


def plain(
    loop: Callable[..., Iterator[Made]], recipe: Recipe | None, data: Dataset, minutes: float
) -> Iterator[Snapshot]:
    """A plain loop with its published settings, which know no clock."""
    torch.manual_seed(0)
    images = torch.tensor((data.train.images - MNIST_MEAN) / MNIST_STD)
    sets = loop(images, torch.tensor(data.train.labels))
    for update, (x, y) in enumerate(sets, start=1):
        yield update, partial(candidate, x, y, recipe, data)


def candidate(x: torch.Tensor, y: torch.Tensor, recipe: Recipe | None, data: Dataset) -> Candidate:
    """A set of a plain loop in pixel space."""
    return Candidate(
        (x * MNIST_STD + MNIST_MEAN).numpy(),
        y.numpy(),
        name="peer",
        method="peer",
        dataset=data.name,
        checksum=data.checksum,
        label_scale="score" if y.dim() > 1 else "class",
        recipe=recipe,
    )


# The peer's networks, trained as our sets say: by 100 steps of Adam, the last layer by ridge.
SOLVED = panel.recipe_of("ridge", DistillConfig(width=FREPO_WIDTHS[0]), images=10)
WAYS = {
    OURS: Way(partial(ours, "plain"), "own", 0.25),
    f"{OURS}, upright frame": Way(partial(ours, "deskew"), "own", 0.25),
    PEERS[0]: Way(partial(plain, condensation, None), "convnet", 1.25),
    PEERS[1]: Way(partial(plain, feature_regression, SOLVED), "own", 1.25),
}


def race(name: str, way: Way, oracle: Oracle, minutes: float) -> dict[str, Any]:
    """A row: the curve of one way until its last goal is reached, or its minutes are spent."""
    curve: list[dict[str, float]] = []
    due = way.first
    with progress(name) as show:
        for spent, (updates, made) in timed_snapshots(way.snapshots(oracle.data, minutes)):
            if spent[0] < min(due, minutes):
                continue
            accuracy = score(made(), way.evaluation, oracle)
            times = {"processor_minutes": spent[0], "minutes": spent[1]}
            curve.append({**times, "updates": updates, "accuracy": accuracy})
            show(int(60 * spent[0]), int(60 * minutes), f"{updates:,} updates: {accuracy:.1f} %")
            if accuracy >= GOALS[-1] or spent[0] >= minutes:
                break
            due = GROWTH * spent[0]
    rate = updates / spent[0] / 60
    return {
        "name": name,
        "evaluation": way.evaluation,
        "limit_minutes": minutes,
        "updates_per_second": rate,
        "curve": curve,
    }


def timed_snapshots(snapshots: Iterator[Snapshot]) -> Iterator[tuple[list[float], Snapshot]]:
    """Snapshots with the minutes of processor and of wall time that went into them so far."""
    spent = [0.0, 0.0]
    while True:
        begun = clocks()
        found = next(snapshots, None)
        spent = [
            sofar + now - then for sofar, now, then in zip(spent, clocks(), begun, strict=True)
        ]
        if found is None:
            return
        yield spent, found


def clocks() -> tuple[float, float]:
    """Minutes of this process's processor time, and of the clock on the wall."""
    return time.process_time() / 60, time.perf_counter() / 60


def score(made: Candidate, evaluation: str, oracle: Oracle) -> float:
    """Mean accuracy in percent of the networks, each trained by a process of its own."""
    records = oracle.score(made, evaluation, SEEDS, validation.CHOOSING, fidelity=SCORED)
    return float(np.mean([record["accuracy"] for record in records]))


def compare(
    minutes: Annotated[
        float, typer.Option(help="Largest processor time of each way, without validation.")
    ] = 2.5,
    only: Annotated[str, typer.Option(help="Ways, separated by semicolons. Default: all.")] = "",
) -> None:
    """Measure how soon ways of distillation reach accuracies; other rows on file stay."""
    torch.set_num_threads(1)
    names, oracle = chosen(only, WAYS), Oracle(load("mnist"), device="cpu")
    for name in names:
        row = race(name, WAYS[name], oracle, minutes)
        rows = {one["name"]: one for one in known()} | {name: row}  # others may have run
        write(FILE, rows=[rows[name] for name in WAYS if name in rows])
    say(peers(FOLDER.parent))


def known() -> list[dict[str, Any]]:
    """The rows that were measured before."""
    path = FOLDER / f"{FILE}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


if __name__ == "__main__":
    run(application(compare, help="Compare distillation with the peers' plain loops."))
