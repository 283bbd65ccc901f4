"""Checkpoints of long work: written whole, read without pickle, bound to the run they are of."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from reproduce.errors import UserError
from reproduce.files import write_whole


def save(path: Path, run: str, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them; `run` says what they belong to."""
    buffer = io.BytesIO()
    torch.save({"run": run, "state": state}, buffer)
    write_whole(path, buffer.getvalue())


def load(path: Path, run: str) -> dict[str, Any]:
    """Read what `save` wrote.

    Raises
    ------
    UserError
        When the file is missing, damaged, or of a run with other settings.
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        owner, state = content["run"], content["state"]
    except Exception as error:  # a foreign file can make the unpickler fail in any way
        raise damaged(path, error) from None
    if owner != run:
        raise UserError(
            f"{path}: checkpoint of a run with other settings; name another --name or delete it"
        )
    found: dict[str, Any] = state
    return found


def damaged(path: Path, error: Exception) -> UserError:
    """What to say of a checkpoint whose content does not fit."""
    reason = type(error).__name__
    return UserError(f"{path}: damaged checkpoint ({reason}); delete it to start anew")
