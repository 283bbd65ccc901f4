"""Options that several commands share, and commands whose options are fields of dataclasses."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from reproduce import protocols
from reproduce.candidate import Candidate
from reproduce.data import Dataset, check_fits
from reproduce.errors import UserError
from reproduce.known import CHECKSUMS, NAMES, STANDARD
from reproduce.oracle import MEMORY, Oracle
from reproduce.sources import load
from reproduce.support.schema import Number, Optional, Rule, Whole, Words, check_fields

RECORDS = Path("runs/records.jsonl")
MOST_SEEDS = 100_000
WHAT, HOW, LONG, WHERE = "What", "How", "How long", "Where"  # groups of options in help texts
RecordsOption = Annotated[
    Path,
    typer.Option(
        help="File of records; known scores are read from it, new ones appended.",
        rich_help_panel=WHERE,
    ),
]
WORKERS_HELP = "Worker processes. Default: one for each core."
WorkersOption = Annotated[int | None, typer.Option(help=WORKERS_HELP, min=1, rich_help_panel=WHERE)]
DEVICE_HELP = "Where networks are trained: auto (a GPU where there is one), cpu, cuda, cuda:1."
DeviceOption = Annotated[str, typer.Option(help=DEVICE_HELP, rich_help_panel=WHERE)]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the records as JSON and nothing else.", rich_help_panel=WHERE
    ),
]
SeedsOption = Annotated[
    int,
    typer.Option(
        help="Number of replicates, each with a seed.",
        min=1,
        max=MOST_SEEDS,
        rich_help_panel=LONG,
    ),
]
FirstSeedOption = Annotated[int, typer.Option(help="The first seed.", min=0, rich_help_panel=LONG)]
SplitOption = Annotated[
    str,
    typer.Option(
        help="Images to score on: validation, validation-a, validation-b, train (without the set's "
        "own images), or test, which is sealed.",
        rich_help_panel=LONG,
    ),
]
SMALL = 1000  # fewer validation images than that give a note
PLACE = Words(4096)


def option(
    default: Any, help: str, rule: Rule | None = None, flag: str = "", group: str | None = None
) -> Any:
    """A field of a dataclass that is also an option, with the rule that its value obeys.

    `flag` is the option's name where it is not the field's; `group` the part of the help text.
    """
    ruled = {} if rule is None else {"rule": rule}
    shown = {"help": help, "flag": flag, "group": group}
    return dataclasses.field(default=default, metadata={**shown, **ruled})


def configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for each field of the dataclasses among its parameters.

    The command is called with the options. It builds each dataclass from them, and passes it on
    as the parameter's value.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters = signature.parameters.values()
    configs: dict[str, Any] = {
        p.name: p.annotation for p in parameters if dataclasses.is_dataclass(p.annotation)
    }
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters if p.name not in configs]

    @functools.wraps(command)
    def with_options(**values: Any) -> Any:
        made = {
            name: config(
                **{f.name: values.pop(f.name, f.default) for f in dataclasses.fields(config)}
            )
            for name, config in configs.items()
        }
        return command(**made, **values)

    added = [parameter for config in configs.values() for parameter in _options(config)]
    with_options.__signature__ = signature.replace(parameters=added + own)  # type: ignore[attr-defined]
    return with_options


def _options(config: Any) -> Iterator[inspect.Parameter]:
    """One parameter for each field of a dataclass, as typer reads it."""
    hints = get_type_hints(config)
    for field in dataclasses.fields(config):
        kind, names = hints[field.name], [field.metadata["flag"]] if field.metadata["flag"] else []
        listed = next((parser for parser, of in LISTS.items() if kind == of | None), None)
        shown = {"help": field.metadata["help"], "rich_help_panel": field.metadata["group"]}
        made = typer.Option(*names, parser=listed, **shown)
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[str | None if listed else kind, made],
        )


def words(text: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part.strip() for part in text.split(","))


def numbers(text: str) -> tuple[float, ...]:
    """The numbers between commas."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("give numbers with commas between, as 2,1,1") from None


# How the text of an option becomes a tuple.
LISTS: dict[Callable[[str], Any], Any] = {words: tuple[str, ...], numbers: tuple[float, ...]}


@dataclasses.dataclass(frozen=True)
class DataChoice:
    """The data that a command works on."""

    dataset: str | None = option(
        None,
        f"{NAMES}, or the path of your own data. Default: that of the candidates, else mnist.",
        Optional(PLACE),
        group=WHAT,
    )
    data: str | None = option(
        None,
        f"Folder that holds {', '.join(STANDARD)}. Default: $SUPERTRAINER_DATA, then ./data, "
        "then a download.",
        Optional(PLACE),
        group=WHAT,
    )
    split_seed: int | None = option(
        None,
        "Seed that splits your own data. Default: that of the candidates, else 0.",
        group=WHAT,
    )
    invert: bool | None = option(
        None,
        "Whether your own data is dark ink on white paper. Default: as for the candidates.",
        group=WHAT,
    )

    def __post_init__(self) -> None:
        check_fields(self, "data")

    def open(self) -> Dataset:
        """Load the data that the options name, mnist by default."""
        return self._load(self.dataset or "mnist", self.split_seed or 0, self.invert)

    def open_for(self, candidates: Sequence[Candidate]) -> Dataset:
        """Load the data that candidates, at least one, were made from; the options come first.

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
        if invert is None and first.path:  # a moved file may be of the other kind
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
                f"note: validation has {n} images; the choice of these alone moves an accuracy "
                f"near 90 % by ± {error:.1f} points (binomial standard error)",
                file=sys.stderr,
            )
        return found


@dataclasses.dataclass(frozen=True)
class Machine:
    """With what a command computes."""

    workers: int | None = option(None, WORKERS_HELP, Optional(Whole(1, 10_000)), group=WHERE)
    device: str = option("auto", DEVICE_HELP, Words(), group=WHERE)
    memory: float = option(
        MEMORY,
        "GiB that networks in training may take, in all processes together.",
        Number(0, 1e6, above=True),
        group=WHERE,
    )

    def __post_init__(self) -> None:
        check_fields(self, "machine")

    def oracle(self, data: Dataset, records: Path | None = None) -> Oracle:
        """An oracle that computes so."""
        return Oracle(data, records, workers=self.workers, device=self.device, memory=self.memory)


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the backbones of transfer."""

    weights: Path | None = option(
        None,
        f"Of protocols {protocols.FORM}: file of a state dict. Default: torchvision's download.",
        group=HOW,
    )

    def use(self, names: Sequence[str]) -> None:
        """Have the protocols of these names use the file."""
        if self.weights is not None:
            protocols.use_weights(names, self.weights)


def load_candidates(paths: Sequence[Path]) -> list[Candidate]:
    """Load candidate files.

    Raises
    ------
    UserError
        When they are not all from one dataset.
    """
    candidates = [Candidate.load(path) for path in paths]
    if len({candidate.checksum for candidate in candidates}) > 1:
        raise UserError("the files come from several datasets; score those of one at a time")
    return candidates
