"""What the command lines share, and the command `score`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from reproduce import protocols as protocol_table
from reproduce.candidate import Candidate
from reproduce.commands.terminal import progress, say
from reproduce.data import CHECKSUMS, Dataset
from reproduce.errors import UserError
from reproduce.essay import comparison
from reproduce.oracle import Fidelity, Oracle, check_fits
from reproduce.records import Record
from reproduce.sources import load
from reproduce.support.schema import Optional, Rule, Words, check_fields
from reproduce.support.table import Table

RecordsOption = Annotated[Path, typer.Option(help="File of records, read and appended.")]
WorkersOption = Annotated[int | None, typer.Option(help="Processes; else one a core.", min=1)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print records as JSON, nothing else.")]
MOST_SEEDS = 100_000
SeedsOption = Annotated[
    int, typer.Option(help="Replicates: seeds 0 .. N-1.", min=1, max=MOST_SEEDS)
]
FirstSeedOption = Annotated[int, typer.Option(help="Start from this seed.", min=0)]
SplitOption = Annotated[
    str,
    typer.Option(
        help="validation, validation-a, validation-b, train (but for a set's own images); "
        "test reads the sealed one."
    ),
]
SMALL = 1000  # images of validation; fewer are said to be few
RECORDS = Path("runs/records.jsonl")
PLACE = Words(4096)


def option(default: Any, help: str, rule: Rule | None = None) -> Any:
    """A dataclass field that is also an option of the command line, and what it may hold."""
    ruled = {} if rule is None else {"rule": rule}
    return dataclasses.field(default=default, metadata={"help": help, **ruled})


def configured(**config_types: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one option for each field of some configurations.

    Parameters
    ----------
    config_types : type
        The dataclass of each parameter of the command that is a configuration.
    """
    fields = {name: dataclasses.fields(kind) for name, kind in config_types.items()}
    hints = {name: get_type_hints(kind) for name, kind in config_types.items()}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        added = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=Annotated[
                    hints[name][field.name], typer.Option(help=field.metadata["help"])
                ],
            )
            for name in fields
            for field in fields[name]
        ]
        signature = inspect.signature(function, eval_str=True)
        rest = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
            if parameter.name not in fields
        ]

        @functools.wraps(function)
        def command(**values: Any) -> Any:
            configs = {
                name: kind(**{f.name: values.pop(f.name, f.default) for f in fields[name]})
                for name, kind in config_types.items()
            }
            return function(**configs, **values)

        command.__signature__ = signature.replace(parameters=added + rest)  # type: ignore[attr-defined]
        return command

    return decorate


@dataclasses.dataclass(frozen=True)
class DataChoice:
    """Which data a command works on: the same options wherever some is opened."""

    dataset: str | None = option(
        None,
        "mnist, fashion, digits, or the path of own data; else the candidates' own, or mnist.",
        Optional(PLACE),
    )
    data: str | None = option(
        None,
        "Folder of mnist and fashion; else $SUPERTRAINER_DATA, ./data, download.",
        Optional(PLACE),
    )
    split_seed: int | None = option(
        None, "Seed that cuts own data into splits; else the candidates', or 0."
    )
    invert: bool | None = option(
        None, "Own data is dark ink on white paper, or is not; else the candidates' answer."
    )

    def __post_init__(self) -> None:
        check_fields(self, "data")

    def open(self) -> Dataset:
        """The chosen data; mnist where nothing was chosen."""
        return self._load(self.dataset or "mnist", self.split_seed or 0, self.invert)

    def open_for(self, candidates: Sequence[Candidate]) -> Dataset:
        """The data that candidates, at least one, were made from; what was chosen comes first.

        Raises
        ------
        UserError
            When the data is not there, or a candidate was made from other data.
        """
        first = candidates[0]
        name = self.dataset or first.path or first.dataset
        if not self.dataset and name not in CHECKSUMS and not Path(name).exists():
            raise UserError(
                f"{first.name!r} was made from own data, {name}, which is not there; "
                "say where it is with --dataset"
            )
        seed = first.split_seed if self.split_seed is None else self.split_seed
        invert = self.invert
        if invert is None and first.path:  # in another place there may be the other kind of file
            invert = first.invert or (None if self.dataset else False)
        found = self._load(name, seed, invert)
        for candidate in candidates:
            check_fits(candidate, found)
        return found

    def _load(self, name: str, seed: int, invert: bool | None) -> Dataset:
        found = load(name, self.data, seed, invert)
        n = len(found.validation)
        if n < SMALL:
            error = 100 * math.sqrt(0.9 * 0.1 / n)
            print(
                f"note: validation has {n} images, so that their choice alone moves an accuracy "
                f"near 90 % by ± {error:.1f} points (binomial standard error)",
                file=sys.stderr,
            )
        return found


def load_candidates(paths: Sequence[Path]) -> list[Candidate]:
    """Load files; UserError when they are not all from one dataset."""
    candidates = [Candidate.load(path) for path in paths]
    if len({candidate.checksum for candidate in candidates}) > 1:
        raise UserError("the files come from several datasets; score those of one at a time")
    return candidates


def score_table(title: str, records: Sequence[Record]) -> Table:
    """A table with a row for each name, role, protocol and split: mean, standard error, n."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        key = tuple(str(record.get(name)) for name in ("name", "role", "ipc", "protocol", "split"))
        groups.setdefault(key, []).append(record)
    rows = []
    for key, group in groups.items():
        summary = comparison.summarise(group)
        rows.append([comparison.title(group), *key[2:], summary, summary.n])
    return Table(["name", "ipc", "protocol", "split", "accuracy %", "n"], rows, title)


def show(records: Sequence[Record], as_json: bool, table: Callable[[], Table]) -> None:
    """Print records as a JSON list, or as a table for people."""
    if as_json:
        print(json.dumps(list(records)))
    else:
        say(table())


@configured(choice=DataChoice)
def score(
    choice: DataChoice,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    protocol: Annotated[str, typer.Option(help=", ".join(protocol_table.names()))] = "conv",
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 0,
    split: SplitOption = "validation",
    images: Annotated[int | None, typer.Option(help="Score on a stratified subset.", min=1)] = None,
    epochs: Annotated[int | None, typer.Option(help="Train at most so long.", min=1)] = None,
    again: Annotated[bool, typer.Option(help="Compute scores that are on record, too.")] = False,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score candidate files with the oracle and show every accuracy, or their mean."""
    candidates = load_candidates(files)
    source = choice.open_for(candidates)
    oracle = Oracle(source, records, workers=workers)
    for candidate in candidates:
        oracle.plan_of(candidate, protocol, epochs)  # before anything is computed
    with progress(f"score {protocol}") as update:
        scored = oracle.score_many(
            candidates,
            protocol,
            range(first_seed, first_seed + seeds),
            split,
            fidelity=Fidelity(images, epochs),
            again=again,
            progress=update,
        )
    show(scored, as_json, lambda: score_table(f"{source.name}, {protocol}", scored))
