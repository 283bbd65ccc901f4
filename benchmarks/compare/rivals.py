"""What a searched set is compared with: sets of simple rules and random sets, as files.

`python -m benchmarks.compare.rivals nearest-mean --ipc 5` writes the set of a rule as a candidate
file, `python -m benchmarks.compare.rivals random --ipc 5 --count 30` writes random sets.
`supertrainer score` scores them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reproduce import Oracle, UserError
from reproduce.commands.application import application, run
from reproduce.commands.options import DataChoice, configured
from reproduce.commands.terminal import say
from search import SearchConfig, rivals

RANDOM = "random"
OUT = Path("runs/rivals")


@configured
def write(
    choice: DataChoice,
    kind: Annotated[str, typer.Argument(help=f"Rule: {', '.join(rivals.RULES)}, or {RANDOM}.")],
    ipc: Annotated[int, typer.Option(help="Images of each class.", min=1)] = 1,
    count: Annotated[int, typer.Option(help="Number of random sets.", min=1)] = 30,
    out: Annotated[Path, typer.Option(help="Folder of the candidate files.")] = OUT,
) -> None:
    """Write the set of a simple rule, or random sets, as candidate files."""
    if kind not in (*rivals.RULES, RANDOM):
        raise UserError(f"unknown rival {kind!r}, use one of {', '.join(rivals.RULES)}, {RANDOM}")
    data = choice.open()
    if kind == RANDOM:
        sets = rivals.random_sets(data, (ipc,) * len(data.classes), count)
    else:
        sets = rivals.rule_sets(Oracle(data), SearchConfig(ipc=ipc), [kind])
    for number, candidate in enumerate(sets):
        place = f"-{number:03}" if kind == RANDOM else ""
        written = candidate.save(out / f"{kind}-{ipc}{place}.npz")
        say(f"wrote {written}")


if __name__ == "__main__":
    run(application(write, help="Write the sets that searched sets have to beat."))
