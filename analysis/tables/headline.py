"""The numbers on the first screen of the README."""

from __future__ import annotations

from pathlib import Path

from analysis.tables.final import MNIST, Reading, readings
from reproduce.essay import comparison
from reproduce.recipe import marked
from reproduce.records import read
from reproduce.support.table import Code, Table

ESSAY, RECORDS = ("conv", 10, "table"), "records/essay.jsonl"
PROTOCOL, IPC = "conv-shift1", 1
STRONGEST = "best"
SEARCHED, DISTILLED, UPRIGHT = "searched-ipc1", "distilled-ipc1", "distilled-ipc1-upright-wide"
SEARCHED_FOR_STRONGEST = "searched-ipc1-best"
FINAL = "supertrainer final results/sets/{}.npz --split test"


def headline(results: Path) -> Table:
    """What `reproduce`, `search` and `distill` come to, with the commands that give the numbers."""
    upright = marked(UPRIGHT, "deskew")
    found = "ten images found by search, by the same net on shifted copies"
    strongest = "ten others, by five ConvNets that read upright digits"
    made = "ten images made by distillation, by a ConvNet and the recipe of the set"
    straight = "the same where every digit is set upright before it is read (upright frame)"
    rows = [
        _essay_row(results),
        _test_row(f"{found} ({_at_random(results, PROTOCOL)})", results, SEARCHED, PROTOCOL),
        _test_row(
            f"{strongest} ({_at_random(results, STRONGEST)})",
            results,
            SEARCHED_FOR_STRONGEST,
            STRONGEST,
        ),
        _test_row(made, results, DISTILLED, "own"),
        _test_row(straight, results, upright, "own", UPRIGHT),
    ]
    return Table(["what is learned from", "split", "accuracy, %", "n", "command"], rows)


def _test_row(
    what: str, results: Path, name: str, protocol: str, file: str | None = None
) -> list[str]:
    reading = ten_images(results, name, protocol).summary
    command = Code(FINAL.format(file or name))
    return [what, "test", str(reading), reading.counted, command]


def _at_random(results: Path, protocol: str) -> str:
    random = ten_images(results, "random sets", protocol).summary
    return f"{random.n} random sets: {random}"


def _essay_row(results: Path) -> list[str]:
    protocol, ipc, draw = ESSAY
    published, ours = next(
        (cell.published, cell.ours)
        for cell in comparison.compare(read(results / RECORDS), draw)
        if (cell.published.protocol, cell.published.ipc) == (protocol, ipc)
    )
    what = f"a hundred images of the essay, by its conv net (published: {published.accuracy:.2f})"
    command = f"supertrainer reproduce {protocol} --n {ipc} --draw {draw} --seeds {ours.n}"
    command += f" --records results/{RECORDS}"
    return [what, "validation", str(ours), ours.counted, Code(command)]


def ten_images(results: Path, name: str, protocol: str) -> Reading:
    """The reading of test of ten images, or of random sets of ten."""
    found = {(r.name, r.protocol): r for r in readings(results) if (r.data, r.ipc) == (MNIST, IPC)}
    return found[name, protocol]
