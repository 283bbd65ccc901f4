"""The report: one self-contained page with its figures as SVG and its tables as CSV.

The same results give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from analysis.figures.exhibits import Exhibit
from analysis.figures.plots import grid_png
from analysis.origins import Origins
from analysis.page import embedding, learning, sections
from analysis.page.live import live_part
from analysis.results import Results
from analysis.tables import finalists, leaderboard
from reproduce.data import MNIST_CHECKSUM
from reproduce.support.files import write_whole
from reproduce.support.table import Table
from reproduce.support.text import printable

PAGE = "index.html"
ENGINE = ("network.js", "worker.js")
SCRIPTS = ("page.js", "drawing.js", "live.js")


def write_report(folder: Path, results: Results, title: str = "Super-trainers") -> Path:
    """Write the page, `figures/` and `tables/` into a folder.

    Parameters
    ----------
    folder : Path
        Made where it is missing; each file is written whole.
    results : Results
        Of `analysis.results.collect`.
    title : str
        Of the page.

    Returns
    -------
    Path
        The page.
    """
    parts = sections_of(results)
    write_figures(folder / "figures", parts)
    for exhibit in exhibits_of(parts):
        write_whole(folder / "tables" / f"{exhibit.key}.csv", exhibit.csv())
    for name, table in tables_of(parts).items():
        write_whole(folder / "tables" / f"{name}.csv", table.csv())
    return write_whole(folder / PAGE, render(parts, printable(title)).encode())


def tables_of(parts: dict[str, Any]) -> dict[str, Table]:
    """Tables without a figure, by file name: each leaderboard, and the neighbours of each set."""
    tables = {}
    for one in parts["leaderboards"]:
        rows = [
            [
                row.name,
                row.kind,
                row.scored_on,
                row.sets,
                *(row.cells.get(p, "") for p in one.protocols),
            ]
            for row in one.rows
        ]
        head = ["set", "kind", "split", "sets", *one.protocols]
        tables[f"leaderboard-{one.source.key}-{one.ipc:g}"] = Table(head, rows)
    head = ["image", "nearest real image", "its label", "distance", "more typical in its class, %"]
    for name, rows in embedding.neighbour_rows(parts["results"]).items():
        tables[name] = Table(head, rows)
    return tables


def write_figures(folder: Path, parts: dict[str, Any]) -> list[Path]:
    """Write every figure as SVG, every set as PNG, and the headline's set as `headline.png`."""
    written = [
        write_whole(folder / f"{exhibit.key}.svg", exhibit.drawn.encode())
        for exhibit in exhibits_of(parts)
    ]
    candidates, names = parts["results"].candidates, parts["results"].file_names
    for key, candidate in candidates.items():
        written.append(write_whole(folder / f"set-{names[key]}.png", grid_png(candidate)))
    if parts["headline"]:
        best = candidates[parts["headline"].leader.row.candidate]
        written.append(write_whole(folder / "headline.png", grid_png(best)))
    return written


def sections_of(results: Results) -> dict[str, Any]:
    """What the templates are given."""
    origins = Origins(results.paths)
    leaderboards = leaderboard.leaderboards(results, origins)
    budgets = {one.ipc for one in leaderboards if one.source.checksum == MNIST_CHECKSUM}
    storage = [
        leaderboard.published_row(number, origins)
        for number in leaderboard.literature()
        if number.budget == "storage" and number.ipc in budgets
    ]
    leader = leaderboard.leader(leaderboards)
    return {
        "headline": sections.headline(results, leader),
        "leaderboards": leaderboards,
        "storage": storage,
        "choices": finalists.choices(results, origins),
        "portraits": sections.portraits(results, origins),
        "places": embedding.places(results, origins),
        "kin": embedding.kin(results, origins),
        "lessons": learning.lessons(results, origins),
        "learning": learning.learning(results, origins),
        "sensitivity": learning.sensitivity(results, origins),
        "transfer": learning.transfer(leaderboards, origins),
        "architectures": learning.architectures(results, origins),
        "value": learning.value(results, leaderboards, origins),
        "essay": sections.essay_part(results, origins),
        "provenance": sections.provenance(results),
        "results": results,
        "live": live_part(results, leader),
        "origins": origins.entries(),
    }


def exhibits_of(parts: Any) -> Iterable[Exhibit]:
    """All exhibits, however deep they lie."""
    if isinstance(parts, Exhibit):
        yield parts
    elif isinstance(parts, dict):
        for part in parts.values():
            yield from exhibits_of(part)
    elif isinstance(parts, list | tuple):
        for part in parts:
            yield from exhibits_of(part)
    elif isinstance(parts, sections.Portrait):
        yield from parts.exhibits


def render(parts: dict[str, Any], title: str) -> str:
    """The page as text; styles and scripts are part of it and nothing is fetched."""
    environment = Environment(
        loader=PackageLoader("analysis.page", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["per_class"] = sections.per_class
    return environment.get_template("page.html.j2").render(
        title=title,
        style=_read(["style.css"]),
        script=_read(SCRIPTS),
        engine=_read(ENGINE),
        **parts,
    )


def _read(names: Iterable[str]) -> Markup:
    folder = files("analysis.page").joinpath("assets")
    return Markup("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names))
