"""The page's sections: what each template is given, made from results. Pure."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis import charts
from analysis.exhibits import Exhibit
from analysis.figures import essay_spread
from analysis.league import League, Row, interval_of
from analysis.plots import by_class, columns_of, sheet, some_of_each, span, tile
from analysis.results import Analysis, Results
from analysis.trace import Fact, Number, Traces
from reproduce import comparison
from reproduce.candidate import Candidate

ESSAY = ("Michael Nielsen, Reduced MNIST", "one run on the 10,000 validation images")
MOST = 500  # images of a portrait


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def byte_tile(pixels: str) -> str:
    """An image kept as bytes in base64, as an address."""
    grey = np.frombuffer(base64.b64decode(pixels), np.uint8)
    side = math.isqrt(len(grey))
    return data_uri(tile(grey.reshape(1, side, side) / np.float32(255)))


def per_class(ipc: float) -> str:
    """A budget in words."""
    return "one image per class" if ipc == 1 else f"{ipc:g} images per class"


def ordered(results: Results) -> list[Analysis]:
    """Analyses of candidates that are there, the smallest sets first, of these the best first."""
    known = [a for key, a in results.analyses.items() if key in results.candidates]
    return sorted(known, key=lambda a: (a["ipc"], -np.mean(a["accuracies"]), a["name"]))


def by_budget(results: Results) -> dict[float, list[Analysis]]:
    """Analyses by images per class."""
    groups: dict[float, list[Analysis]] = {}
    for analysis in ordered(results):
        groups.setdefault(analysis["ipc"], []).append(analysis)
    return groups


# --- Headline -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Headline:
    """The best set of the smallest budget, beside random ones."""

    row: Row
    protocol: str
    number: Number
    random: Number | None
    random_protocol: str
    tiles: list[tuple[int, str]]
    images: int


def headline(results: Results, leagues: Sequence[League], best: Row | None) -> Headline | None:
    """What stands at the top of the page; None without a set of which the file is there.

    Random sets stand beside it under the same protocol, or else under the one that they do best by.
    """
    if best is None or best.candidate not in results.candidates:
        return None
    candidate = results.candidates[best.candidate]
    protocol, number = max(best.cells.items(), key=lambda cell: cell[1].interval.mean)
    rivals = [
        row
        for league in leagues
        for row in league.rows
        if row.kind in ("random", "essay") and (row.ipc, row.split) == (best.ipc, best.split)
    ]
    # Many random sets come before the essay's one where both were scored.
    rivals.sort(key=lambda row: row.kind == "random")
    cells = {name: number for row in rivals for name, number in row.cells.items()}
    under = (
        protocol
        if protocol in cells
        else max(cells, key=lambda p: cells[p].interval.mean, default="")
    )
    order = some_of_each(candidate, 10)
    labels = candidate.hard_labels()
    tiles = [(int(labels[i]), data_uri(tile(candidate.images[i]))) for i in order]
    return Headline(best, protocol, number, cells.get(under), under, tiles, len(candidate))


# --- What they look like ------------------------------------------------------------------------


@dataclass(frozen=True)
class Portrait:
    """A candidate with its images, labels and rates."""

    candidate: Candidate
    path: str
    sheet: str
    span: str
    labels: list[str]
    exhibits: list[Exhibit]


def portraits(results: Results, traces: Traces) -> list[Portrait]:
    """A portrait of every candidate file, the smallest sets first."""
    found = []
    for candidate in sorted(results.candidates.values(), key=lambda c: (c.ipc, c.name, c.hash)):
        order = some_of_each(candidate, MOST)
        labels = [str(candidate.hard_labels()[i]) for i in order]
        found.append(
            Portrait(
                candidate,
                results.paths[candidate.hash],
                data_uri(sheet(candidate.images[order], columns_of(candidate))),
                span(candidate),
                labels,
                _learned(candidate, traces.candidate(candidate, results.paths[candidate.hash])),
            )
        )
    return found


def _learned(candidate: Candidate, trace: int) -> list[Exhibit]:
    """Heat map of learned labels and curve of learned rates, where there are any."""
    exhibits = []
    if candidate.label_scale != "class":
        order = by_class(candidate)
        rows = [[n, *(f"{v:.4f}" for v in candidate.labels[i])] for n, i in enumerate(order)]
        exhibits.append(
            Exhibit(
                f"labels-{candidate.hash[:6]}",
                f"Learned labels of {candidate.name}: images by classes",
                charts.label_heat(candidate),
                ["image", *(str(label) for label in range(candidate.classes))],
                rows,
                trace,
            )
        )
    if candidate.recipe and candidate.recipe.learning_rates:
        rates = enumerate(candidate.recipe.learning_rates, 1)
        exhibits.append(
            Exhibit(
                f"rates-{candidate.hash[:6]}",
                f"Learned learning rates of {candidate.name}, step by step",
                charts.learning_rates(candidate),
                ["step", "learning rate"],
                [[step, f"{rate:.5f}"] for step, rate in rates],
                trace,
            )
        )
    return exhibits


# --- The essay, and where all comes from --------------------------------------------------------


def essay_part(results: Results, traces: Traces) -> dict[str, Any] | None:
    """The essay's published numbers with ours beside, and their spread."""
    full = comparison.full_records(results.records)
    cells = comparison.compare_draws(full)
    if not cells:
        return None
    rows = []
    for cell in cells:
        number = cell.published
        ours = comparison.of_draw(full, number.protocol, number.ipc, cell.draw)
        name = f"RMNIST/{number.ipc}" if number.ipc else "MNIST"
        mine = Number(interval_of(ours), traces.records(ours))
        published = Fact(f"{number.accuracy:.2f}", traces.published(*ESSAY))
        draw = cell.draw if cell.draw and number.ipc > 1 else "–"
        rows.append([name, draw, number.protocol, published, mine, cell.verdict])
    head = ["set", "draw", "protocol", "published, %", "ours, %", "verdict"]
    alt = "Replicates of the essay's networks as dots, published numbers as lines"
    trace = traces.records([r for r in full if r["method"] == "essay draw"])
    return {"exhibit": Exhibit("essay", alt, essay_spread(results.records), head, rows, trace)}


def provenance(results: Results) -> dict[str, list[str]]:
    """Distinct commands, commits, devices, versions and files, in the order met."""
    analyses = [*results.analyses.values(), *results.curves.values()]

    def distinct(values: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(values))

    def version(of: dict[str, str]) -> str:
        return ", ".join(f"{name} {number}" for name, number in of.items())

    made = [candidate.command for candidate in results.candidates.values()]
    return {
        "commands": distinct(
            [*made, *(r["command"] for r in results.records), *(a["command"] for a in analyses)]
        ),
        "commits": distinct([r["commit"] for r in (*results.records, *analyses)]),
        "devices": distinct([r["device"] for r in results.records]),
        "versions": distinct([version(r["versions"]) for r in (*results.records, *analyses)]),
        "files": distinct([r["file"] for r in results.records if "file" in r]),
    }
