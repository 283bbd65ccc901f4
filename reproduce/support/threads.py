"""What torch computes with: how many threads, and on which device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import torch

from reproduce.errors import UserError
from reproduce.support.text import brief


def cores() -> int:
    """Cores that this process may use, at least 1: less where a container or affinity says so."""
    found: int = joblib.cpu_count()
    return found


def default_device() -> str:
    """The device where the caller names none: a GPU when there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def usable_device(name: str) -> str:
    """Return the device that a name stands for: `auto`, `cpu`, `cuda:1`.

    Raises
    ------
    UserError
        When PyTorch knows no such device, or there is none in this machine.
    """
    if name == "auto":
        return default_device()
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError) as error:
        reason = type(error).__name__
        raise UserError(
            f"device {brief(name)} cannot be used ({reason}); use auto or cpu"
        ) from None
    return name


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Hold torch to so many threads, then restore."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
