"""Checkpoints of long work: written whole, checked, read without pickle, bound to their run."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from reproduce.errors import UserError
from reproduce.support.files import read_input, write_whole

MARK = b"supertrainer checkpoint 1\n"
DIGEST = hashlib.sha256().digest_size


def save(path: Path, run: str, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them; `run` says what they belong to.

    The file begins with a mark and the SHA-256 of all that follows.
    """
    buffer = io.BytesIO()
    torch.save({"run": run, "state": state}, buffer)
    content = buffer.getvalue()
    write_whole(path, MARK + hashlib.sha256(content).digest() + content)


def load(path: Path, run: str) -> dict[str, Any]:
    """Read what `save` wrote. Nothing of a file that was changed since is loaded.

    Raises
    ------
    UserError
        When the file is missing, damaged, or of a run with other settings.
    """
    whole = read_input(path)
    head, content = whole[: len(MARK) + DIGEST], whole[len(MARK) + DIGEST :]
    if head != MARK + hashlib.sha256(content).digest():
        raise UserError(
            f"{path}: damaged checkpoint, or one of an earlier version (its checksum differs); "
            "delete it to start anew"
        )
    try:
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        owner, state = found["run"], dict(found["state"])
    except Exception as error:  # a foreign file can make the unpickler fail in any way
        raise damaged(path, error) from None
    if owner != run:
        raise UserError(
            f"{path}: checkpoint of a run with other settings; name another --name or delete it"
        )
    return state


def damaged(path: Path, error: Exception) -> UserError:
    """What to say of a checkpoint whose content does not fit."""
    reason = type(error).__name__
    return UserError(f"{path}: damaged checkpoint ({reason}); delete it to start anew")
