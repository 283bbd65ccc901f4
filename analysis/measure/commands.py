"""The commands that measure candidates and random sets, into tracked JSON files."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.measure import measures
from analysis.results import plain_name
from reproduce.candidate import Candidate
from reproduce.commands.options import (
    DataChoice,
    JsonOption,
    Machine,
    RecordsOption,
    SeedsOption,
    configured,
    load_candidates,
)
from reproduce.commands.terminal import progress, say
from reproduce.data import Dataset
from reproduce.errors import UserError
from reproduce.essay import draws
from reproduce.oracle import Oracle
from reproduce.support import provenance
from reproduce.support.files import check_folder, write_whole
from reproduce.support.text import safe_name

OUT = Path("results/measures")
RUNNING = Path("runs/analysis.jsonl")
OutOption = Annotated[Path, typer.Option(help="Folder of the JSON files.")]


@configured
def analyse(
    choice: DataChoice,
    machine: Machine,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    out: OutOption = OUT,
    protocol: Annotated[
        str | None, typer.Option(help="Train under this; else `own` where there is one, or `conv`.")
    ] = None,
    seeds: SeedsOption = 5,
    leave_out: Annotated[
        int, typer.Option(help="Leave-one-out for sets of up to so many images.", min=0)
    ] = 20,
    digits: Annotated[int, typer.Option(help="Validation digits in the page.", min=10)] = 1000,
    records: RecordsOption = RUNNING,
    as_json: JsonOption = False,
) -> None:
    """Measure what a set's accuracy depends on, what its networks confuse, and near images."""
    given = load_candidates(files)
    source = choice.open_for(given)
    beside = references(source, given)
    candidates = [*given, *beside]
    oracle = machine.oracle(source, records)
    check_folder(out)
    for candidate in candidates:
        measures.check(candidate, trained_by(candidate, protocol), range(seeds), leave_out)
    for draw in beside:
        draw.save((out / file_name(draw)).with_suffix(".npz"))
    written = [
        write(
            out / file_name(candidate),
            analysis_of(
                oracle, candidate, trained_by(candidate, protocol), range(seeds), leave_out
            ),
        )
        for candidate in candidates
    ]
    written.append(write_sample(out, source, digits))
    _say(written, as_json)


@configured
def embed(
    choice: DataChoice,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    out: OutOption = OUT,
    background: Annotated[int, typer.Option(help="Training images on the map.", min=100)] = 3000,
    as_json: JsonOption = False,
) -> None:
    """Map candidates among the training images by t-SNE; the map replaces the previous one."""
    given = load_candidates(files)
    check_folder(out)
    source = choice.open_for(given)
    with progress("map") as update:
        update(0, 1)
        found = measures.embedding(source, [*given, *references(source, given)], background)
        update(1, 1)
    content = {**origin(source, None, ()), "split": "train", **found}
    _say([write(out / f"map-{source.checksum[:6]}.json", content)], as_json)


@configured
def random_curve(
    choice: DataChoice,
    machine: Machine,
    protocol: Annotated[str, typer.Option(help="Train under this.")] = "conv",
    n: Annotated[str, typer.Option(help="Images per class, as in 1,5,10.")] = "1,2,5,10,20,50",
    sets: Annotated[int, typer.Option(help="Random sets of each size.", min=1, max=10_000)] = 5,
    seeds: SeedsOption = 2,
    out: OutOption = OUT,
    records: RecordsOption = RUNNING,
    as_json: JsonOption = False,
) -> None:
    """Measure accuracy against the number of random real images, for `equivalent n`."""
    ipcs = sizes_of(n)
    source = choice.open()
    check_folder(out)
    measures.random_set(source, ipcs[-1], 0)  # refused where a class has not so many images
    oracle = machine.oracle(source, records)
    with progress(f"random sets, {protocol}") as update:
        found = measures.random_curve(oracle, protocol, ipcs, sets, range(seeds), update)
    content = {**origin(source, protocol, range(seeds)), **found}
    _say(
        [write(out / f"random-{safe_name(protocol)}-{source.checksum[:6]}.json", content)], as_json
    )


def references(source: Dataset, given: Sequence[Candidate]) -> list[Candidate]:
    """The essay's random draws of the same sizes: what all else is held against."""
    sizes = sorted({int(candidate.ipc) for candidate in given if float(candidate.ipc).is_integer()})
    return [draws.rmnist(source, ipc) for ipc in sizes]


def sizes_of(text: str) -> list[int]:
    """Images per class, rising, from a list like `1,5,10`."""
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UserError(f"--n {text}: give whole numbers, as in 1,5,10") from None
    if len(sizes) < 2 or sizes[0] < 1:
        raise UserError(f"--n {text}: give two or more sizes of at least 1")
    return sizes


def trained_by(candidate: Candidate, protocol: str | None) -> str:
    """The protocol that the user names; else `own` where the candidate has a recipe, or `conv`."""
    if protocol is not None:
        return protocol
    return "own" if candidate.recipe else "conv"


def analysis_of(
    oracle: Oracle,
    candidate: Candidate,
    protocol: str,
    seeds: Sequence[int],
    leave_out: int,
) -> dict[str, Any]:
    """Everything that is measured of one candidate, with where it came from."""
    with progress(f"{candidate.name}: neighbours, lessons") as update:
        parts = {
            "accuracies": measures.accuracies(oracle, candidate, protocol, seeds),
            **measures.neighbours(oracle.data, candidate),
        }
        update(1, 3)
        parts |= measures.lessons(oracle, candidate, protocol, seeds)
        update(2, 3)
        parts["learning"] = measures.learning(oracle, candidate, protocol, seeds)
        update(3, 3)
    with progress(f"{candidate.name}: sensitivity") as update:
        parts["sensitivity"] = measures.sensitivity(oracle, candidate, protocol, seeds, update)
    if len(candidate) <= leave_out:
        with progress(f"{candidate.name}: leave one out") as update:
            parts["leave_one_out"] = measures.leave_one_out(
                oracle, candidate, protocol, seeds, update
            )
    return {
        "candidate": candidate.hash,
        "name": candidate.name,
        "ipc": candidate.ipc,
        **origin(oracle.data, protocol, seeds),
        **parts,
    }


def file_name(candidate: Candidate) -> str:
    """Where a candidate's analysis lies: its name and the beginning of its hash."""
    return f"{plain_name(candidate.name)}-{candidate.hash[:6]}.json"


def write_sample(out: Path, source: Dataset, digits: int) -> Path:
    """Write the validation digits that the page bundles."""
    content = {**origin(source, None, ()), **measures.sample(source.split(measures.SPLIT), digits)}
    return write(out / f"sample-{source.checksum[:6]}.json", content)


def origin(source: Dataset, protocol: str | None, seeds: Sequence[int]) -> dict[str, Any]:
    """Where what is measured comes from."""
    return {
        "dataset": source.name,
        "checksum": source.checksum,
        "class_names": list(source.classes),
        "protocol": protocol,
        "split": measures.SPLIT,
        "seeds": list(seeds),
        "command": provenance.command(),
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    """Write one JSON file, whole."""
    return write_whole(path, (json.dumps(content) + "\n").encode())


def _say(written: Sequence[Path], as_json: bool) -> None:
    if as_json:
        print(json.dumps([str(path) for path in written]))
    else:
        say(*(f"wrote {path}" for path in written))
