"""The command `score`: the oracle scores candidate files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reproduce import protocols
from reproduce.commands.options import (
    HOW,
    LONG,
    RECORDS,
    DataChoice,
    FirstSeedOption,
    JsonOption,
    Machine,
    RecordsOption,
    SeedsOption,
    SplitOption,
    Weights,
    configured,
    load_candidates,
    option,
)
from reproduce.commands.terminal import progress, show_records
from reproduce.errors import UserError
from reproduce.records import RULES, Record
from reproduce.scoring.fidelity import Fidelity
from reproduce.summary import panel_table, score_table
from reproduce.support.schema import Flag, Optional, Whole, Words, check_fields

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
        "A learner, as `supertrainer protocols` lists them, or module:function of your own. "
        "Default: conv.",
        Optional(TEXT),
        group=HOW,
    )
    panel: str | None = option(
        None,
        f"Score under several protocols and show one table: {PANEL_HELP}",
        Optional(TEXT),
        group=HOW,
    )
    large_seeds: int | None = option(None, LARGE_HELP, Optional(Whole(1, 100_000)), group=LONG)

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


@dataclass(frozen=True)
class Extent:
    """How much of each score is computed."""

    images: int | None = option(
        None,
        "Score on N images of the split, a stratified subset. Default: on all.",
        RULES["images"],
        group=LONG,
    )
    epochs: int | None = option(
        None,
        "Train for at most N epochs. Default: for as many as the protocol says.",
        RULES["epochs"],
        group=LONG,
    )
    again: bool = option(False, "Compute anew also scores that are on record.", Flag(), group=LONG)

    def __post_init__(self) -> None:
        check_fields(self, "score")

    @property
    def fidelity(self) -> Fidelity:
        """The fidelity that the options say."""
        return Fidelity(self.images, self.epochs)


@configured
def score(
    choice: DataChoice,
    learners: Learners,
    weights: Weights,
    machine: Machine,
    extent: Extent,
    files: Annotated[list[Path], typer.Argument(help="Candidate files.")],
    seeds: SeedsOption = 5,
    first_seed: FirstSeedOption = 0,
    split: SplitOption = "validation",
    records: RecordsOption = RECORDS,
    as_json: JsonOption = False,
) -> None:
    """Score candidate files with the oracle and show every accuracy, or their mean."""
    candidates = load_candidates(files)
    source, names = choice.open_for(candidates), learners.names()
    weights.use(names)
    oracle = machine.oracle(source, records)
    for name in names:
        for candidate in candidates:
            oracle.plan_of(candidate, name, extent.fidelity)  # before anything is computed
    scored: list[Record] = []
    for name in names:
        used = range(first_seed, first_seed + learners.seeds(name, seeds))
        with progress(f"score {name}") as update:
            scored += oracle.score_many(
                candidates,
                name,
                used,
                split,
                fidelity=extent.fidelity,
                again=extent.again,
                progress=update,
            )
    if learners.panel is not None:
        table = panel_table(scored, f"{source.name}, {split}").turned()
    else:
        table = score_table(scored, f"{source.name}, {names[0]}")
    show_records(scored, as_json, table)
