"""The report: one self-contained page with its figures as SVG and its tables as CSV.

The same results give the same bytes.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from analysis.figures.chart import Chart
from analysis.figures.embedding import map_charts, typicality_charts
from analysis.figures.essay import essay_chart
from analysis.figures.learning import learning_charts, sensitivity_charts
from analysis.figures.pictures import grid_png
from analysis.figures.transfer import architecture_charts, transfer_charts
from analysis.figures.value import value_charts
from analysis.origins import Origins
from analysis.page.headline import headline, leader
from analysis.page.live import live_part
from analysis.page.portraits import confusions, neighbours, portraits
from analysis.page.story import kinds, looks, reach
from analysis.results import Results
from analysis.sources import per_class
from analysis.tables.finalists import choices, choices_table
from analysis.tables.leaderboard import leaderboards, storage_table
from analysis.tables.neighbours import neighbour_tables
from analysis.tables.value import comparisons
from reproduce.known import MNIST_CHECKSUM
from reproduce.support.files import write_whole
from reproduce.support.table import Table
from reproduce.support.text import printable

PAGE = "index.html"
ENGINE = ("kernels.js", "block.js", "network.js", "images.js", "training.js", "worker.js")
SCRIPTS = (
    *("page.js", "origins.js", "drawing.js", "pad.js", "teaching.js"),
    *("race.js", "play.js", "npz.js", "downloads.js"),
)


def write_report(folder: Path, results: Results, title: str = "Super-trainers") -> Path:
    """Write the page, `figures/` and `tables/` into a folder.

    Parameters
    ----------
    folder : Path
        It is made where it is missing. Each file is written whole.
    results : Results
        Of `analysis.results.collect`.
    title : str
        Of the page.

    Returns
    -------
    Path
        The page.
    """
    content = content_of(results)
    write_figures(folder / "figures", content)
    for name, table in tables_of(content).items():
        write_whole(folder / "tables" / f"{name}.csv", table.csv())
    return write_whole(folder / PAGE, render(content, printable(title)).encode())


def tables_of(content: dict[str, Any]) -> dict[str, Table]:
    """Every table by file name: of each chart, each leaderboard, and the neighbours of each set."""
    tables = {chart.key: chart.table for chart in charts_of(content)}
    for board in content["leaderboards"]:
        tables[f"leaderboard-{board.source.key}-{board.ipc:g}"] = board.table()
    return tables | neighbour_tables(content["results"])


def write_figures(folder: Path, content: dict[str, Any]) -> None:
    """Write every figure as SVG, every set as PNG, and the headline's set as `headline.png`."""
    for chart in charts_of(content):
        write_whole(folder / f"{chart.key}.svg", chart.drawn.encode())
    candidates, names = content["results"].candidates, content["results"].file_names
    pictures = {f"set-{names[key]}": candidate for key, candidate in candidates.items()}
    if content["headline"]:
        pictures["headline"] = candidates[content["headline"].leader.row.candidate]
    for name, candidate in pictures.items():
        write_whole(folder / f"{name}.png", grid_png(candidate))


def content_of(results: Results) -> dict[str, Any]:
    """Everything that the templates show: tables, then figures, then the parts of the page."""
    origins = Origins(results.paths)
    boards = leaderboards(results, origins)
    tables = {
        "leaderboards": boards,
        "storage": storage_table(boards, origins),
        "finalists": choices_table(choices(results, origins), len(results.sources) > 1),
    }
    figures = {
        "value": value_charts(comparisons(results, boards, origins)),
        "maps": map_charts(results, origins),
        "typicality": typicality_charts(results, origins),
        "learning": learning_charts(results, origins),
        "sensitivity": sensitivity_charts(results, origins),
        "transfer": transfer_charts(boards, origins) + architecture_charts(results, origins),
        "essay": essay_chart(results.records, origins),
    }
    first = leader(boards)
    shown = looks(results, kinds(first.board) if first else {})
    parts = {
        "headline": headline(results, first),
        "looks": shown,
        "reach": reach(boards, first.board.source) if first else [],
        "on_mnist": first is not None and first.board.source.checksum == MNIST_CHECKSUM,
        "portraits": portraits(results, origins),
        "neighbours": neighbours(results, origins),
        "confusions": confusions(results, origins),
        "live": live_part(results, shown, first),
        "made_by": made_by(results),
    }
    return {"results": results, **tables, **figures, **parts, "origins": origins.entries()}


def charts_of(content: dict[str, Any]) -> Iterator[Chart]:
    """All charts of the page."""
    for part in content.values():
        for one in part if isinstance(part, list) else [part]:
            found = one if isinstance(one, Chart) else getattr(one, "chart", None)
            yield from [found] if found else getattr(one, "charts", [])


def made_by(results: Results) -> dict[str, list[str]]:
    """Distinct commands, commits, devices, versions and files, in the order in which they occur."""
    analyses = [*results.analyses.values(), *results.curves.values()]
    made = [*results.records, *analyses]
    commands = [candidate.command for candidate in results.candidates.values()]
    found = {
        "commands": commands + [one["command"] for one in made],
        "commits": [one["commit"] for one in made],
        "devices": [record["device"] for record in results.records],
        "versions": [", ".join(map(" ".join, one["versions"].items())) for one in made],
        "files": [record["file"] for record in results.records if "file" in record],
    }
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


def render(content: dict[str, Any], title: str) -> str:
    """The page as text. Styles and scripts are part of it, and nothing is fetched."""
    environment = Environment(
        loader=PackageLoader("analysis.page", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["per_class"] = per_class
    environment.filters["zipped"] = zipped
    return environment.get_template("page.html.j2").render(
        title=title,
        style=_read(["style.css"]),
        script=_read(SCRIPTS),
        engine=_read(ENGINE),
        **content,
    )


def zipped(value: Any) -> str:
    """A JSON value as gzip in base64, which `data` in page.js reads."""
    return base64.b64encode(gzip.compress(json.dumps(value).encode(), mtime=0)).decode()


def _read(names: Iterable[str]) -> Markup:
    folder = files("analysis.page").joinpath("assets")
    return Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names))
