"""The command `score`: the oracle scores candidate files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reproduce import protocols
from reproduce.commands.options import (
    RECORDS,
    DataChoice,
    FirstSeedOption,
    JsonOption,
    RecordsOption,
    SeedsOption,
    SplitOption,
    WorkersOption,
    configured,
    load_candidates,
    option,
)
from reproduce.commands.terminal import progress, show_records
from reproduce.errors import UserError
from reproduce.oracle import Oracle
from reproduce.records import Record
from reproduce.scoring.fidelity import Fidelity
from reproduce.summary import panel_table, score_table
from reproduce.support.schema import Optional, Whole, Words, check_fields

TEXT = Words(10_000, least=0)
PANEL_HELP = (
    f"standard for the standard panel, quick for it without {', '.join(protocols.SLOW)}, or "
    "names with commas between."
)
LARGE_HELP = (
    f"Replicates of {', '.join(protocols.LARGE)} in a panel, which take minutes each. Default: "
    f"as many as --seeds, {protocols.MOST_LARGE} at most."
)


@dataclass(frozen=True)
class Learners:
    """Under which protocols sets are scored: under one, or under a panel."""

    protocol: str | None = option(
        None,
        f"{', '.join(protocols.names())}, or module:function of your own. Default: conv.",
        Optional(TEXT),
    )
    panel: str | None = option(
        None,
        f"Score under several protocols and show one table: {PANEL_HELP}",
        Optional(TEXT),
    )
    large_seeds: int | None = option(None, LARGE_HELP, Optional(Whole(1, 100_000)))

    def __post_init__(self) -> None:
        check_fields(self, "score")
        if self.panel is not None and self.protocol is not None:
            raise UserError("--panel or --protocol, not both")
        if self.large_seeds and self.panel is None:
            raise UserError("--large-seeds is for a panel; give --panel, or --seeds alone")

    def names(self) -> tuple[str, ...]:
        """The protocols, each once, in the order of the panel."""
        if self.panel is None:
            return ("conv" if self.protocol is None else self.protocol,)
        return protocols.panel_of(self.panel)

    def seeds(self, name: str, seeds: int) -> int:
        """Replicates under one protocol, where `seeds` are asked for in all."""
        return protocols.panel_seeds(name, seeds, self.large_seeds) if self.panel else seeds


@configured
def score(
    choice: DataChoice,
    learners: Learners,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 0,
    split: SplitOption = "validation",
    images: Annotated[
        int | None,
        typer.Option(help="Score on N images of the split, a stratified subset.", min=1),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Train for at most N epochs.", min=1)] = None,
    again: Annotated[
        bool, typer.Option(help="Compute anew also scores that are on record.")
    ] = False,
    records: RecordsOption = RECORDS,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score candidate files with the oracle and show every accuracy, or their mean."""
    candidates = load_candidates(files)
    source, names = choice.open_for(candidates), learners.names()
    oracle = Oracle(source, records, workers=workers)
    fidelity = Fidelity(images, epochs)
    for name in names:
        for candidate in candidates:
            oracle.plan_of(candidate, name, fidelity)  # before anything is computed
    scored: list[Record] = []
    for name in names:
        used = range(first_seed, first_seed + learners.seeds(name, seeds))
        with progress(f"score {name}") as update:
            scored += oracle.score_many(
                candidates, name, used, split, fidelity=fidelity, again=again, progress=update
            )
    if learners.panel is not None:
        table = panel_table(scored, f"{source.name}, {split}").turned()
    else:
        table = score_table(scored, f"{source.name}, {names[0]}")
    show_records(scored, as_json, table)
