"""What each of two processes under torchrun does for `test_ranks`; the first writes what came."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from distill import DistillConfig, Distiller, guard, ranks, validation
from distill.checkpoint import fingerprint
from distill.command import run_distillation
from distill.methods.krr import KernelRidge
from reproduce import Dataset, UserError, load

CONFIG = DistillConfig(
    method="krr",
    steps=8,
    width=4,
    depth=2,
    batch=32,
    inner_steps=6,
    pool=2,
    reuse=1,
    nets=2,
    start="mean",
)


def update() -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients of one update in float64, with this process's share of the networks."""
    distiller = Distiller(load("digits"), CONFIG)
    synthetic = distiller.synthetic.double()
    objective = KernelRidge(distiller.data, distiller.config, synthetic, distiller.panel, 0)
    objective.begin(0)
    loss = objective.loss()
    loss.backward()
    ranks.average(synthetic.learned())
    gradients = [p.grad for p in synthetic.learned() if p.grad is not None]
    return ranks.mean(float(loss.detach())), gradients


def ended(distiller: Distiller, checkpoint: Path | None, turns: int = 99) -> str:
    """Which set a run ends with, or the line that refused it; it stops after so many turns."""
    try:
        for state in distiller.run(checkpoint, every=2):
            if state.progress.turn == turns:
                break
    except UserError as error:
        return str(error)
    return fingerprint([*distiller.synthetic.parameters(), *distiller.average.parameters()])


def broken_once(data: Dataset) -> dict[str, Any]:
    """A run whose loss is once not finite, in one process alone."""
    usual, rank, broken = KernelRidge.loss, ranks.join()[0], []

    def sometimes(self: KernelRidge) -> torch.Tensor:
        bad = self.turn == 5 and rank == 1 and not broken
        broken.extend([1] * bad)
        return usual(self) * (math.nan if bad else 1)

    distiller = Distiller(data, CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KernelRidge, "loss", sometimes)
        end = ended(distiller, None)
    return {"end": end, "rollbacks": distiller.progress.rollbacks}


def resumed(data: Dataset, checkpoint: Path) -> dict[str, Any]:
    """A run without a break, one that was stopped and resumed, and one of a damaged checkpoint."""
    rank, _ = ranks.join()
    plain = ended(Distiller(data, CONFIG), None)
    ended(Distiller(data, CONFIG), checkpoint, turns=3)
    if rank:
        checkpoint.with_name("c-1").write_bytes(b"an older file of this process")
    again = ended(Distiller(data, CONFIG), checkpoint)
    if rank == 0:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    return {
        "plain": plain,
        "resumed": again,
        "line": ended(Distiller(data, CONFIG), checkpoint),
    }


def main(folder: Path) -> None:
    """Do it all, the same in both processes."""
    torch.set_num_threads(1)
    validation.accuracies = lambda *_: [50.0]  # type: ignore[assignment]
    guard.GOOD_EVERY = 2
    data, (rank, _) = load("digits"), ranks.join()
    loss, gradients = update()
    mine = {**broken_once(data), **resumed(data, folder / "c")}
    other = Distiller(data, replace(CONFIG, seed=rank))  # two sets where there should be one
    mine["drifted"] = ended(other, folder / "drifted")
    found = run_distillation(data, CONFIG, "d1", folder / "d1.checkpoint", None, 1).candidate()
    parts = ranks.gathered({**mine, "command": found.hash})
    if rank == 0:
        torch.save({"loss": loss, "gradients": gradients}, folder / "update")
        files = sorted(path.name for path in folder.iterdir())
        (folder / "found.json").write_text(json.dumps({"parts": parts, "files": files}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
