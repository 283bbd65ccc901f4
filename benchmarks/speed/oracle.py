"""How fast the oracle is: `score_many` against plain loops over single networks.

The plain loop runs in three ways: one process with one thread, one process with all threads, and
one process of one thread on each core (joblib). The ratio is against the fastest of them. All ways
alternate in one run, so that a machine's drift cancels in the ratio. Writes
`results/benchmarks/oracle.json`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import joblib
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.tables.oracle import OURS, PEERS, speed
from benchmarks.rows import FOLDER, write
from benchmarks.speed.machine import peak_gflops, timed
from reproduce import Candidate, Fidelity, Oracle, load, protocols
from reproduce.commands.application import application, run
from reproduce.commands.terminal import say
from reproduce.data import Dataset
from reproduce.essay import draws
from reproduce.images import expand
from reproduce.images.augment import Augmenter, draw
from reproduce.networks.stack import seeded
from reproduce.recipe import Recipe
from reproduce.scoring.fidelity import FULL
from reproduce.training.schedule import learning_rate

ROUNDS = 3
WARM = 999_999  # a seed that no round uses
SETS, SEEDS = 2, 200  # (candidate, seed) pairs whose accuracies are compared
COMPARED = Fidelity(images=2000)


@dataclass(frozen=True)
class Case:
    """A protocol and a size.

    We train candidates x seeds networks, one process of the plain loop `plain`.
    """

    protocol: str
    ipc: int
    candidates: int
    seeds: int
    plain: int
    fidelity: Fidelity = FULL


CASES = (
    Case("conv", 1, 64, 3, 3),
    Case("conv", 10, 16, 3, 1),
    Case("conv-shift1", 1, 12, 2, 1),
    Case("convnet", 1, 4, 2, 1, Fidelity(images=1000, epochs=60)),
)


class PlainEssayNet(nn.Module):
    """The essay's net as one writes it in PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout2d()
        self.linear1, self.linear2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of (B, 1, 28, 28)."""
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2)).flatten(1)
        x = F.dropout(F.relu(self.linear1(x)), training=self.training)
        return self.linear2(x)


def plain_convnet(widths: Sequence[int], norm: bool = True) -> nn.Sequential:
    """ConvNet-3 as one writes it in PyTorch; its norm is instance norm."""
    layers: list[nn.Module] = []
    for inputs, outputs, padding in zip((1, *widths), widths, (3, 1, 1), strict=False):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=padding)]
        layers += [nn.GroupNorm(outputs, outputs)] if norm else []
        layers += [nn.ReLU(), nn.AvgPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 16, 10))


def plain_score(
    recipe: Recipe, images: np.ndarray, labels: np.ndarray, seed: int, test: tuple
) -> float:
    """Train one network in a plain loop and score it in blocks of 1,000; accuracy in percent."""
    torch.manual_seed(seed)
    net = PlainEssayNet() if recipe.model == "conv" else plain_convnet((recipe.width,) * 3)
    moved, targets = expand.shift(images, labels, recipe.shifts)
    order = torch.randperm(len(moved))
    x = ((torch.tensor(moved) - recipe.mean) / recipe.std)[order]
    y = torch.tensor(targets)[order]
    augment = Augmenter(x[:, 0]) if recipe.augment == "dc" else None
    generator = seeded(seed, "augment")
    optimiser = torch.optim.SGD(
        net.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    for epoch in range(1, recipe.epochs + 1):
        for start in range(0, len(x), recipe.batch):
            chosen = torch.arange(start, min(start + recipe.batch, len(x)))
            drawn = draw(len(chosen), generator)
            batch = augment(chosen, drawn)[:, None] if augment else x[chosen]
            optimiser.param_groups[0]["lr"] = learning_rate(recipe, epoch, 0)
            optimiser.zero_grad()
            F.cross_entropy(net(batch), y[chosen]).backward()
            optimiser.step()
    net.eval()
    pixels, answers = test
    with torch.no_grad():
        blocks = torch.tensor((pixels - recipe.mean) / recipe.std).split(1000)
        guesses = torch.cat([net(block) for block in blocks]).argmax(1)
    return 100 * float((guesses.numpy() == answers).mean())


def plain_loop(
    recipe: Recipe, sets: Sequence[Candidate], seed: int, test: tuple, threads: int
) -> list[float]:
    """Accuracies of sets that one process trains on one after the other."""
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    scores = [plain_score(recipe, one.images, one.labels, seed, test) for one in sets]
    torch.set_num_threads(usual)
    return scores


def plain_processes(
    recipe: Recipe, sets: Sequence[Candidate], seeds: Sequence[int], test: tuple, workers: int
) -> list[float]:
    """Accuracies of all (set, seed), trained by one process of one thread on each core."""
    return joblib.Parallel(n_jobs=workers, batch_size=1)(
        joblib.delayed(one_thread_score)(recipe, one.images, one.labels, seed, test)
        for one in sets
        for seed in seeds
    )


def random_sets(data: Dataset, ipc: int, count: int) -> list[Candidate]:
    """Random balanced sets."""
    rng = np.random.default_rng(7)
    quotas = (ipc,) * len(data.classes)
    return [draws.random_candidate(data, quotas, rng, name="random") for _ in range(count)]


def flops(recipe: Recipe, n: int, scored: int) -> float:
    """Floating-point operations of one network that trains on n images and scores `scored`."""
    if recipe.model == "conv":
        first, rest = 2 * 10 * 25 * 576, 2 * 20 * 250 * 64 + 2 * 320 * 50 + 2 * 50 * 10
    else:
        w = recipe.width
        first, rest = 2 * w * 9 * 1024, 2 * w * w * 9 * (256 + 64) + 2 * w * 16 * 10
    # A step costs three forward passes, less the first layer's gradient of its input.
    trained = n * (2 * recipe.shifts + 1) ** 2 * recipe.epochs
    return trained * (2 * first + 3 * rest) + scored * (first + rest)


def measure(case: Case, data: Dataset, oracle: Oracle) -> dict[str, Any]:
    """Seconds per network of the plain loop and of `score_many`, and what they come to."""
    sets = random_sets(data, case.ipc, case.candidates)
    recipe = protocols.recipe(case.protocol, sets[0])
    assert recipe is not None
    recipe = replace(recipe, epochs=min(recipe.epochs, case.fidelity.epochs or recipe.epochs))
    scored = data.validation
    scored = scored.stratified(case.fidelity.images) if case.fidelity.images else scored
    runs = alternated(case, recipe, sets, (scored.images, scored.labels), oracle)
    middle = {name: statistics.median(values) for name, values in runs.items()}
    ratios = [min(peers) / ours for *peers, ours in zip(*runs.values(), strict=True)]
    gflops = flops(recipe, len(sets[0]), len(scored)) / 1e9 / middle[OURS]
    peak = peak_gflops()
    return {
        "protocol": case.protocol,
        "ipc": case.ipc,
        "networks": case.candidates * case.seeds,
        "epochs": recipe.epochs,
        "images": len(scored),
        "seconds_per_network": middle,
        "runs": runs,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "candidates_per_minute": 60 / middle[OURS] / case.seeds,
        "gflops": gflops,
        "peak_gflops_per_thread": peak,
        "share_of_peak": gflops / (peak * oracle.workers),
    }


def alternated(
    case: Case, recipe: Recipe, sets: Sequence[Candidate], test: tuple, oracle: Oracle
) -> dict[str, list[float]]:
    """Seconds per network in each round, of the plain loop in three ways and of ours.

    Each is called on one step first: workers are started and code is compiled before the clock is
    started.
    """
    cores, some = oracle.workers, sets[: case.plain]
    few = (test[0][:100], test[1][:100])

    def loop(threads: int, seed: int, recipe: Recipe, test: tuple) -> int:
        return len(plain_loop(recipe, some, seed, test, threads))

    def processes(seed: int, recipe: Recipe, test: tuple) -> int:
        seeds = range(seed, seed + cores)
        return len(plain_processes(recipe, some, seeds, test, cores))

    def ours(seed: int, recipe: Recipe, test: tuple) -> int:
        fidelity = Fidelity(100, 1) if test is few else case.fidelity
        seeds = range(seed, seed + case.seeds)
        return len(oracle.score_many(sets, case.protocol, seeds, fidelity=fidelity))

    ways: dict[str, Callable[[int, Recipe, tuple], int]] = {
        PEERS[0]: partial(loop, 1),
        PEERS[1]: partial(loop, cores),
        PEERS[2]: processes,
        OURS: ours,
    }
    runs: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, way in ways.items():
            way(WARM + turn, replace(recipe, epochs=1), few)
            networks, taken = timed(partial(way, 1000 * turn, recipe, test))
            runs[name].append(taken / networks)
    return runs


def one_thread_score(*arguments: object) -> float:
    """`plain_score` on one thread, for a worker."""
    torch.set_num_threads(1)
    return plain_score(*arguments)  # type: ignore[arg-type]


def compare_distributions(data: Dataset, oracle: Oracle) -> dict[str, Any]:
    """Accuracies of the plain loop and of ours over the same (candidate, seed) pairs.

    Each seed starts all sets of one side from the same weights, so what varies freely, and what
    the standard error counts, is the mean over sets of a seed.
    """
    sets, seeds = random_sets(data, 1, SETS), range(SEEDS)
    recipe = protocols.recipe("conv", sets[0])
    assert recipe is not None
    scored = data.validation.stratified(COMPARED.images or 0)
    test = (scored.images, scored.labels)
    plain = plain_processes(recipe, sets, seeds, test, oracle.workers)
    records = oracle.score_many(sets, "conv", seeds, fidelity=COMPARED)
    ours = [record["accuracy"] for record in records]
    differences = (np.array(ours) - np.array(plain)).reshape(SETS, -1).mean(0)
    error = float(differences.std(ddof=1) / len(differences) ** 0.5)
    return {
        "pairs": len(ours),
        "seeds": len(differences),
        "mean_difference": float(differences.mean()),
        "standard_error": error,
        "within_two_standard_errors": bool(abs(differences.mean()) <= 2 * error),
    }


def main() -> None:
    """Run all cases, print a table, write the JSON file."""
    torch.set_num_threads(1)  # the peak is that of one thread
    data = load("mnist")
    oracle = Oracle(data, device="cpu")
    oracle.score_many(random_sets(data, 1, 8), "conv", [99])  # start the workers
    cases = [measure(case, data, oracle) for case in CASES]
    agreement = compare_distributions(data, oracle)
    write("oracle", workers=oracle.workers, cases=cases, agreement=agreement)
    say(speed(FOLDER.parent), f"Ours less plain, conv, ipc 1: {agreement}")


if __name__ == "__main__":
    run(application(main, help="Measure the oracle's speed against plain loops."))
