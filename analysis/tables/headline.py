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
SEARCHED, DISTILLED, UPRIGHT = "searched-ipc1", "distilled-ipc1", "distilled-ipc1-upright-wide"
FINAL = "supertrainer final results/sets/{}.npz --split test"


def headline(results: Path) -> Table:
    """What `reproduce`, `search` and `distill` come to, with the commands that give the numbers."""
    random = ten_images(results, "random sets", PROTOCOL).summary
    searched = ten_images(results, SEARCHED, PROTOCOL).summary
    distilled = ten_images(results, DISTILLED, "own").summary
    upright = ten_images(results, marked(UPRIGHT, "deskew"), "own").summary
    found = "ten images found by search, by the same net on shifted copies"
    made = "ten images made by distillation, by a ConvNet and the recipe of the set"
    straight = "the same where every digit is set upright before it is read (upright frame)"
    rows = [
        _essay_row(results),
        [
            f"{found} ({random.n} random sets: {random})",
            "test",
            str(searched),
            searched.counted,
            Code(FINAL.format(SEARCHED)),
        ],
        [made, "test", str(distilled), distilled.counted, Code(FINAL.format(DISTILLED))],
        [straight, "test", str(upright), upright.counted, Code(FINAL.format(UPRIGHT))],
    ]
    return Table(["what is learned from", "split", "accuracy, %", "n", "command"], rows)


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
