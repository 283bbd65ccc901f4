"""The command `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from analysis import markdown
from analysis.plots import grid_png, grid_text
from analysis.report import write_report
from reproduce import records as record_files
from reproduce.candidate import Candidate
from reproduce.command import RECORDS, JsonOption, RecordsOption, score_table, show
from reproduce.errors import UserError
from reproduce.files import write_whole
from reproduce.oracle import TEST_LOG


def report(
    files: Annotated[list[Path] | None, typer.Argument(help="Candidate files to picture.")] = None,
    records: RecordsOption = RECORDS,
    out: Annotated[Path, typer.Option(help="The page; pictures lie beside it.")] = Path(
        "runs/report.html"
    ),
    update: Annotated[
        Path | None, typer.Option(help="Markdown file whose tables and pictures are made anew.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a self-contained page of all records, and a PNG of every candidate file."""
    candidates = [Candidate.load(file) for file in files or []]
    scored = record_files.read(records)
    if not scored and not candidates:
        raise UserError(f"{records}: no records there; score something first")
    for file, candidate in zip(files or [], candidates, strict=True):
        write_whole(out.parent / f"{file.stem}.png", grid_png(candidate))
    if update:
        write_whole(update, markdown.update(update, records.parent).encode())
        for picture, content in markdown.pictures(update, records.parent).items():
            write_whole(picture, content)
    log = records.with_name(TEST_LOG)
    readings = len(log.read_text().splitlines()) if log.exists() else 0
    write_report(out, scored, candidates, readings=readings)
    show(scored, as_json, lambda: score_table("Records", scored))
    if not as_json:
        console = Console()
        for candidate in candidates:
            console.print(f"\n{candidate.name}\n{grid_text(candidate)}", highlight=False)
        console.print(f"Report: {out.resolve()}", soft_wrap=True, highlight=False)
