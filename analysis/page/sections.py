"""The page's sections: what each template is given, made from results. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis import formats
from analysis.figures import charts
from analysis.figures.axes import essay_spread
from analysis.figures.exhibits import Exhibit
from analysis.figures.plots import by_class, columns_of, sheet, some_of_each, span, tile
from analysis.origins import Fact, Number, Origins, number_of
from analysis.results import Results
from analysis.sources import Source
from analysis.tables.leaderboard import Leader, rival
from reproduce.candidate import Candidate
from reproduce.essay import comparison

ESSAY = ("Michael Nielsen, Reduced MNIST", "one run on the 10,000 validation images")
MOST, TILES = 500, 20  # images of a portrait, and at the top of the page


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def byte_tile(pixels: str) -> str:
    """An image kept as bytes in base64, as an address."""
    return data_uri(tile(formats.square(pixels)))


def per_class(ipc: float) -> str:
    """A budget in words."""
    return "one image per class" if ipc == 1 else f"{ipc:g} images per class"


# --- Headline -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Headline:
    """The best set of the smallest budget, beside sets of the same data that nobody chose."""

    leader: Leader
    number: Number
    random_protocol: str
    random: Number | None
    tiles: list[tuple[str, str]]
    images: int


def headline(results: Results, leader: Leader | None) -> Headline | None:
    """What stands at the top of the page; None without a set of which the file is there."""
    if leader is None or leader.row.candidate not in results.candidates:
        return None
    candidate = results.candidates[leader.row.candidate]
    source = leader.board.source
    labels = candidate.hard_labels()
    tiles = [
        (source.class_name(int(labels[i])), data_uri(tile(candidate.images[i])))
        for i in some_of_each(candidate, min(candidate.classes, TILES))
    ]
    beside = rival(leader)
    under, random = beside or ("", None)
    number = leader.row.cells[leader.protocol]
    return Headline(leader, number, under, random, tiles, len(candidate))


# --- What they look like ------------------------------------------------------------------------


@dataclass(frozen=True)
class Portrait:
    """A candidate with its images, labels and rates."""

    candidate: Candidate
    path: str
    sheet: str
    source: Source
    span: str
    labels: list[str]
    exhibits: list[Exhibit]


def portraits(results: Results, origins: Origins) -> list[Portrait]:
    """A portrait of every candidate file, the smallest sets first."""
    found = []
    for candidate in sorted(results.candidates.values(), key=lambda c: (c.ipc, c.name, c.hash)):
        order = some_of_each(candidate, MOST)
        source = results.sources[candidate.checksum]
        labels = [source.class_name(int(candidate.hard_labels()[i])) for i in order]
        found.append(
            Portrait(
                candidate,
                results.paths[candidate.hash],
                data_uri(sheet(candidate.images[order], columns_of(candidate))),
                source,
                span(candidate),
                labels,
                _learned(
                    candidate,
                    results.file_names[candidate.hash],
                    source,
                    origins.candidate(candidate, results.paths[candidate.hash]),
                ),
            )
        )
    return found


def _learned(candidate: Candidate, name: str, source: Source, origin: int) -> list[Exhibit]:
    """Heat map of learned labels and curve of learned rates, where there are any."""
    exhibits = []
    if candidate.label_scale != "class":
        order = by_class(candidate)
        rows = [[n, *(f"{v:.4f}" for v in candidate.labels[i])] for n, i in enumerate(order)]
        exhibits.append(
            Exhibit(
                f"labels-{name}",
                f"Learned labels of {candidate.name}: images by classes",
                charts.label_heat(candidate, source),
                ["image", *map(source.class_name, range(candidate.classes))],
                rows,
                origin,
            )
        )
    if candidate.recipe and candidate.recipe.learning_rates:
        rates = enumerate(candidate.recipe.learning_rates, 1)
        exhibits.append(
            Exhibit(
                f"rates-{name}",
                f"Learned learning rates of {candidate.name}, step by step",
                charts.learning_rates(candidate),
                ["step", "learning rate"],
                [[step, f"{rate:.5f}"] for step, rate in rates],
                origin,
            )
        )
    return exhibits


# --- The essay, and where all comes from --------------------------------------------------------


def essay_part(results: Results, origins: Origins) -> dict[str, Any] | None:
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
        mine = number_of(ours, origins)
        published = Fact(f"{number.accuracy:.2f}", origins.published(*ESSAY))
        draw = cell.draw if cell.draw and number.ipc > 1 else "–"
        rows.append([name, draw, number.protocol, published, mine, cell.verdict])
    head = ["set", "draw", "protocol", "published, %", "ours, %", "verdict"]
    alt = "Replicates of the essay's networks as dots, published numbers as lines"
    origin = origins.records(full)
    return {"exhibit": Exhibit("essay", alt, essay_spread(results.records), head, rows, origin)}


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
