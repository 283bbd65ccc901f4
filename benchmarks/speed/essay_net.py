"""What compiling gains for the essay's net: a training step and an evaluation, three ways.

The ways alternate in one run on one thread, so that a machine's drift cancels in the ratios.
`python -m benchmarks.speed.essay_net` writes `results/benchmarks/essay-net.json`; it takes about
two minutes.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from analysis.tables.oracle import essay_net
from benchmarks.rows import FOLDER, write
from benchmarks.speed.machine import seconds
from reproduce.commands.application import application, run
from reproduce.commands.terminal import say
from reproduce.networks.essay_net import step
from reproduce.networks.essay_net.reference import ReferenceNet, train_step
from reproduce.networks.models import EssayNet, build
from reproduce.recipe import Recipe
from reproduce.training.losses import LOSSES

RECIPE = Recipe(model="conv")
SHAPE, CLASSES, BATCH, RATE = (28, 28), 10, 10, 0.01
NETS, ROUNDS, IMAGES = (1, 4, 16), 15, 2000
Way = Callable[[], object]


def steps(nets: int) -> dict[str, Way]:
    """A training step of so many networks on ten images each, by the name of the way."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(nets, BATCH, 1, *SHAPE, generator=generator)
    y = torch.eye(CLASSES).expand(nets, BATCH, CLASSES).contiguous()
    noise = torch.rand(nets, BATCH, 70, generator=generator)
    singles = [ReferenceNet() for _ in range(nets)]
    grouped, compiled = stack(nets), stack(nets)
    optimiser = torch.optim.SGD(grouped.parameters(), RATE)

    def grouped_step() -> None:
        optimiser.zero_grad()
        LOSSES[RECIPE.loss](grouped(x, noise), y).sum().backward()
        optimiser.step()

    def plain_step() -> None:
        for net, images, targets, own in zip(singles, x, y, noise, strict=True):
            train_step(net, images, targets, own, RATE)

    return {
        "plain": plain_step,
        "grouped": grouped_step,
        "compiled": lambda: step.step(compiled, x, y, noise, RATE),
    }


def evaluations(nets: int) -> dict[str, Way]:
    """Logits of `IMAGES` images by so many networks, by the name of the way."""
    images = torch.rand(IMAGES, 1, *SHAPE, generator=torch.Generator().manual_seed(1))
    singles = [ReferenceNet() for _ in range(nets)]
    compiled = stack(nets)
    return {
        "plain": lambda: [in_blocks(net, images) for net in singles],
        "compiled": lambda: in_blocks(lambda block: compiled(block[None]), images),
    }


def stack(nets: int) -> EssayNet:
    """So many networks in one stack."""
    model = build(RECIPE, SHAPE, CLASSES, range(nets))
    assert isinstance(model, EssayNet)
    return model


@torch.no_grad()
def in_blocks(net: Callable[[Tensor], Tensor], images: Tensor) -> None:
    """Run a network on 100 images at a time, whose activations fit a cache."""
    for block in images.split(100):
        net(block)


def alternated(ways: dict[str, Way]) -> dict[str, list[float]]:
    """Milliseconds that each way takes in each round, after one that does not count."""
    runs: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, way in ways.items():
            taken = 1000 * seconds(way)
            if turn:
                runs[name].append(taken)
    return runs


def row(what: str, nets: int, ways: dict[str, Way]) -> dict[str, object]:
    """Median milliseconds by way, and how often each takes the time of the compiled way."""
    runs = alternated(ways)
    ratios = {
        name: statistics.median(
            other / ours for other, ours in zip(times, runs["compiled"], strict=True)
        )
        for name, times in runs.items()
        if name != "compiled"
    }
    milliseconds = {name: statistics.median(times) for name, times in runs.items()}
    return {"what": what, "nets": nets, "milliseconds": milliseconds, "ratios": ratios}


def main() -> None:
    """Measure all rows, write the JSON file, print the table."""
    torch.set_num_threads(1)
    rows = [row("step", nets, steps(nets)) for nets in NETS]
    rows += [row("evaluation", nets, evaluations(nets)) for nets in NETS]
    write("essay-net", rounds=ROUNDS, batch=BATCH, images=IMAGES, rows=rows)
    say(essay_net(FOLDER.parent))


if __name__ == "__main__":
    run(application(main, help="Measure what compiling gains for the essay's net."))
