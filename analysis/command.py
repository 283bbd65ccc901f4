"""The commands `report`, `show` and `compare`."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.figures.documents import pictures
from analysis.figures.pictures import grid_png, grid_text, shades_of, some_of_each, span
from analysis.page.report import content_of, write_figures, write_report
from analysis.results import collect
from analysis.tables.documents import update as updated
from reproduce.candidate import Candidate
from reproduce.commands.options import (
    RECORDS,
    DataChoice,
    JsonOption,
    Machine,
    RecordsOption,
    SeedsOption,
    Weights,
    configured,
    load_candidates,
)
from reproduce.commands.terminal import progress, say, show_records
from reproduce.data import described
from reproduce.records import Record
from reproduce.summary import Paired, by_seed, paired, score_table
from reproduce.support.files import check_folder, check_writable, read_input, write_whole
from reproduce.support.table import Table
from reproduce.support.text import safe_name

RESULTS = Path("results")
SURE = 0.05
SHOWN = 10  # skipped files that get a line each


def report(
    places: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders and files of records and candidates. Default: results."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page, figures and tables.")] = Path(
        "report"
    ),
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Super-trainers",
    update: Annotated[
        list[Path] | None,
        typer.Option(help="Instead, make the tables and pictures of this Markdown file anew."),
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(help="Instead, write only the figures, into this folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write one self-contained page of everything that lies in results."""
    places = places or [RESULTS]
    if update:
        for document in update:
            read_input(document)
            check_writable(document)
        for document in update:
            update_document(document, places[0])
        return
    check_folder(gallery or out)
    results = collect(places)
    say_skipped(results.skipped)
    if gallery:
        write_figures(gallery, content_of(results))
        return
    page = write_report(out, results, title)
    if as_json:
        print(json.dumps(results.records))
        return
    counts = f"{len(results.records)} records, {len(results.candidates)} candidates"
    counts += f", {len(results.analyses)} analyses"
    say(f"{counts}\nReport: {page.resolve()}")


def say_skipped(lines: Sequence[str]) -> None:
    """Name the files that a report skips on standard error; of many files only the first."""
    for line in lines[:SHOWN]:
        say(f"passed over: {line}", stderr=True)
    if len(lines) > SHOWN:
        say(f"passed over: {len(lines) - SHOWN} more; the page lists them all", stderr=True)


def update_document(document: Path, results: Path) -> None:
    """Make the tables and the pictures of a Markdown file anew from `results`."""
    write_whole(document, updated(document, results).encode())
    for picture, content in pictures(document, results).items():
        write_whole(picture, content)


def show(
    file: Annotated[Path, typer.Argument(help="A candidate file.")],
    out: Annotated[
        Path | None, typer.Option(help="File of the picture. Default: runs/NAME.png.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one candidate: its images, its labels, and where it comes from; and write a PNG."""
    candidate = Candidate.load(file)
    picture = write_whole(out or Path("runs") / f"{safe_name(file.stem)}.png", grid_png(candidate))
    if as_json:
        print(json.dumps({**candidate.meta(), "picture": str(picture)}))
        return
    say(f"{grid_text(candidate, shades=shades_of(sys.stdout.encoding))}\n", facts_table(candidate))
    if candidate.label_scale != "class":
        say(labels_table(candidate))
    say(f"Picture: {picture.resolve()}")


def facts_table(candidate: Candidate) -> Table:
    """The fields of a candidate as a table."""
    facts = {
        "images": f"{len(candidate)}, {candidate.ipc:g} per class, {span(candidate)}",
        "method": candidate.method,
        "made for": ", ".join(candidate.made_for) or "not said",
        "data": described(candidate.dataset, candidate),
        "classes": ", ".join(candidate.class_names) or str(candidate.classes),
        "labels": candidate.label_scale,
        "indices": "none" if candidate.indices is None else str(candidate.indices.tolist()),
        "recipe": candidate.recipe.key() if candidate.recipe else "none",
        "seeds": ", ".join(map(str, candidate.seeds)) or "none",
        "command": candidate.command,
        "hash": candidate.hash,
    }
    return Table([], list(facts.items()), candidate.name)


def labels_table(candidate: Candidate, most: int = 20) -> Table:
    """Soft labels as a table, with a row for each image of `grid_text`, in its order."""
    head = ["image", *map(str, range(candidate.classes))]
    rows = [
        [position, *(f"{value:.2f}" for value in candidate.labels[position])]
        for position in some_of_each(candidate, most)
    ]
    return Table(head, rows, candidate.label_scale, right=range(len(head)), lines=False)


@configured
def compare(
    choice: DataChoice,
    machine: Machine,
    weights: Weights,
    a: Annotated[Path, typer.Argument(help="A candidate file.")],
    b: Annotated[Path, typer.Argument(help="Another one, from the same data.")],
    protocol: Annotated[str, typer.Option(help="As for `score`.")] = "conv",
    seeds: SeedsOption = 10,
    split: Annotated[str, typer.Option(help="As for `score`.")] = "validation",
    records: RecordsOption = RECORDS,
    as_json: JsonOption = False,
) -> None:
    """Compare two candidates over shared seeds, by Student's paired test."""
    candidates = load_candidates([a, b])
    source = choice.open_for(candidates)
    weights.use([protocol])
    oracle = machine.oracle(source, records)
    with progress(f"compare under {protocol}") as update:
        scored = oracle.score_many(candidates, protocol, range(seeds), split, progress=update)
    half = len(scored) // 2
    test = paired(by_seed(scored[:half]), by_seed(scored[half:]))
    if as_json:
        print(json.dumps(comparison_values(test, scored)))
        return
    show_records(scored, False, score_table(scored, f"{source.name}, {protocol}"))
    say(comparison_words(candidates[0].name, candidates[1].name, test))


def comparison_values(test: Paired, scored: list[Record]) -> dict[str, Any]:
    """A paired test and its records as JSON values; undefined values are null."""
    difference = test.difference
    values = {
        "difference": difference.mean,
        "low": test.low,
        "high": test.high,
        "n": difference.n,
        "p": test.p,
    }
    defined = {name: None if math.isnan(value) else value for name, value in values.items()}
    return {**defined, "records": scored}


def comparison_words(a: str, b: str, test: Paired) -> str:
    """The result of a paired test in one sentence."""
    difference = test.difference
    lead = f"{a} - {b}: {difference.mean:+.2f} points"
    if difference.n == 1:
        return f"{lead} (n = 1: no interval)"
    if math.isnan(test.p):
        return f"{lead} on each of n = {difference.n} shared seeds: no spread, so no test"
    verdict = "a difference" if test.p < SURE else "no difference that n seeds can show"
    return (
        f"{lead}, 95 % interval {test.low:+.2f} to {test.high:+.2f}, "
        f"n = {difference.n} shared seeds, p = {test.p:.2g}: {verdict}"
    )
