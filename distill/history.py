"""The history of a run: what every validation found, in a file beside the checkpoint.

A run that starts from the file of another one goes on with its history, so that a distillation that
was done in parts has one curve.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from distill.distiller import Distiller
from distill.progress import ENTRY
from reproduce.errors import UserError
from reproduce.support import provenance
from reproduce.support.files import read_input, write_whole

ENDING = ".history.json"
Entries = Sequence[dict[str, Any]]


def write(distiller: Distiller, path: Path, earlier: Entries = ()) -> None:
    """Write what every validation found, with the settings, for curves over time.

    Parameters
    ----------
    distiller : Distiller
        Only its first process writes.
    path : Path
    earlier : sequence of dict
        What `before` found.
    """
    if distiller.rank:
        return
    content = {
        "config": dataclasses.asdict(distiller.config),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "threads": torch.get_num_threads(),
        "rollbacks": distiller.progress.rollbacks,
        "history": joined(earlier, distiller.progress.history),
    }
    write_whole(path, json.dumps(content, indent=1).encode())


def before(start: str | None) -> Entries:
    """The history of the set that a run starts from, which lies beside it; empty without one.

    Raises
    ------
    UserError
        When it is damaged.
    """
    path = Path(start or "").with_suffix(ENDING) if start else None
    if path is None or not Path(str(start)).is_file() or not path.is_file():
        return []
    try:
        entries = json.loads(read_input(path))["history"]
        for entry in entries:
            for name, rule in ENTRY.items():
                rule.check(entry[name], name)
    except (ValueError, LookupError, TypeError, RecursionError, UserError):
        raise UserError(f"{path}: no history of a distillation; move it elsewhere") from None
    return list(entries)


def joined(earlier: Entries, later: Entries) -> list[dict[str, Any]]:
    """The entries of two runs as those of one: steps and seconds go on, 1 is done at the end."""
    if not earlier or not later:
        return [*earlier, *later]
    steps, seconds = earlier[-1]["step"], earlier[-1]["seconds"]
    moved = [
        {**entry, "step": entry["step"] + steps, "seconds": round(entry["seconds"] + seconds, 1)}
        for entry in later
    ]
    whole = [*earlier, *moved]
    spent = "seconds" if whole[-1]["seconds"] else "step"  # rounded, short runs take no time
    return [{**entry, "done": entry[spent] / whole[-1][spent]} for entry in whole]
