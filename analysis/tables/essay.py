"""Tables about the essay: its numbers beside ours, its open problems, and the strongest way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.tables.benchmarks import benchmark
from reproduce import protocols
from reproduce.essay import comparison, draws
from reproduce.essay.problems import LAST
from reproduce.records import Record, read
from reproduce.summary import summarise
from reproduce.support.table import Code, Table
from reproduce.transfer.backbones import Backbone

BEST = ("conv", "conv-shift1", "conv-shift2", "best")
TRANSFER = tuple(
    protocols.features_name(Backbone(name, layer), "mlp", shifts)
    for name, layer in LAST.items()
    for shifts in (0, 1)
)


def essay(results: Path) -> Table:
    """Ours beside every published number of the essay that the records answer."""
    return comparison.table(comparison.compare_draws(_records(results))).without("sd")


def problem(names: Sequence[str]) -> Callable[[Path], Table]:
    """Mean ± standard error (n) of some protocols on the essay's *figures* draws."""

    def table(results: Path) -> Table:
        full = comparison.full_records(_records(results))
        rows = [
            [Code(protocol), *(_cell(full, protocol, ipc) for ipc in draws.ESSAY_SIZES)]
            for protocol in names
            if any(record["protocol"] == protocol for record in full)
        ]
        return Table(["protocol", *(f"RMNIST/{ipc}" for ipc in draws.ESSAY_SIZES)], rows)

    return table


def tuning(results: Path) -> Table:
    """Variants of `best` on random draws."""
    found = {(row["variant"], row["ipc"]): row for row in benchmark(results, "best")["rows"]}
    sizes = sorted({ipc for _, ipc in found})
    rows = []
    for title in dict.fromkeys(title for title, _ in found):
        entries = [found.get((title, ipc)) for ipc in sizes]
        cells = [f"{e['mean']:.2f} ± {e['standard_error']:.2f}" if e else "–" for e in entries]
        rows.append([title, *cells])
    return Table(["one network, changed", *(f"{ipc} a class" for ipc in sizes)], rows)


def _records(results: Path) -> list[Record]:
    return read(results / "records" / "essay.jsonl")


def _cell(full: Sequence[Record], protocol: str, ipc: int) -> str:
    ours = comparison.of_draw(full, protocol, ipc, "figures")
    return summarise(ours).with_n if ours else "–"
