"""What each of two processes under torchrun does for `test_ranks`; the first writes what came."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import torch

from distill import DistillConfig, Distiller, guard, ranks, validation
from distill.checkpoint import fingerprint
from distill.command import run_distillation
from distill.methods.krr import KernelRidge
from reproduce import UserError, load

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


def update(rank: int, ranks_: int) -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients of one update in float64, with this process's share of the networks."""
    synthetic = Distiller(load("digits"), CONFIG).synthetic.double()
    filled = Distiller(load("digits"), CONFIG).config
    objective = KernelRidge(load("digits"), filled, synthetic, rank, ranks_)
    objective.begin(0)
    loss = objective.loss()
    loss.backward()
    ranks.average(synthetic.learned())
    gradients = [p.grad for p in synthetic.learned() if p.grad is not None]
    return ranks.mean(float(loss.detach())), gradients


def ended(distiller: Distiller, checkpoint: Path | None, turns: int = 99) -> str:
    """Which set a run ends with; it is stopped after so many turns."""
    for state in distiller.run(checkpoint, every=2):
        if state.progress.turn == turns:
            break
    return fingerprint([*distiller.synthetic.parameters(), *distiller.average.parameters()])


def main(folder: Path) -> None:
    """Do it all, the same in both processes."""
    torch.set_num_threads(1)
    validation.accuracy = lambda *_: 50.0  # type: ignore[assignment]
    guard.GOOD_EVERY = 2
    data = load("digits")
    rank, count = ranks.join()
    loss, gradients = update(rank, count)
    usual = KernelRidge.loss

    def sometimes(self: KernelRidge) -> torch.Tensor:
        """Not finite once, in one process alone."""
        bad = self.turn == 5 and rank == 1 and not broken
        broken.extend([1] * bad)
        return usual(self) * (math.nan if bad else 1)

    broken: list[int] = []
    KernelRidge.loss = sometimes  # type: ignore[method-assign]
    whole = Distiller(data, CONFIG)
    end = ended(whole, None)
    KernelRidge.loss = usual  # type: ignore[method-assign]

    checkpoint, plain = folder / "c", ended(Distiller(data, CONFIG), None)
    ended(Distiller(data, CONFIG), checkpoint, turns=3)
    if rank:
        (folder / "c-1").write_bytes(b"an older file of this process")
    resumed = ended(Distiller(data, CONFIG), checkpoint)

    if rank == 0:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    try:
        line = ended(Distiller(data, CONFIG), checkpoint)
    except UserError as error:
        line = str(error)
    other = Distiller(data, replace(CONFIG, seed=rank))  # two sets where there should be one
    drifted = ""
    try:
        ended(other, folder / "drifted")
    except UserError as error:
        drifted = str(error)
    found = run_distillation(data, CONFIG, "d1", folder / "d1.checkpoint", None, 1)
    mine = {
        "command": found.hash,
        "rollbacks": whole.progress.rollbacks,
        "end": end,
        "plain": plain,
        "resumed": resumed,
        "line": line,
        "drifted": drifted,
    }
    parts = ranks.gathered(mine)
    if rank == 0:
        torch.save({"loss": loss, "gradients": gradients}, folder / "update")
        files = sorted(path.name for path in folder.iterdir())
        (folder / "found.json").write_text(json.dumps({"parts": parts, "files": files}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
