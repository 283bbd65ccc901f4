"""What torch computes with: how many threads, and on which device.

PyTorch takes seconds to import, so that it is imported where it is needed alone.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import joblib
from joblib.parallel import BACKENDS, DEFAULT_BACKEND, get_active_backend

from reproduce.errors import UserError
from reproduce.support.processes import importing
from reproduce.support.text import brief

DRIVERS = ("libcuda.so.1", "nvcuda.dll")  # NVIDIA's, on Linux and on Windows
AMD_DRIVER = Path("/dev/kfd")


def cores() -> int:
    """Cores that this process may use, at least 1: less where a container or affinity says so."""
    found: int = joblib.cpu_count()
    return found


def backend_is_given() -> bool:
    """Whether the caller has set up a joblib backend of another kind than joblib's own default."""
    return not isinstance(get_active_backend()[0], BACKENDS[DEFAULT_BACKEND])


def default_workers() -> int:
    """Workers where the caller names no number: one for each core, here or of a given backend."""
    return int(joblib.effective_n_jobs(-1)) if backend_is_given() else cores()


def default_device() -> str:
    """The device where the caller names none: a GPU when there is one.

    Without the driver of a GPU, PyTorch would find none and is not asked.
    """
    if "torch" not in sys.modules and not _driver_is_there():
        return "cpu"
    with importing():
        import torch
    return "cuda" if torch.cuda.is_available() else "cpu"


def _driver_is_there() -> bool:
    for name in DRIVERS:
        with suppress(OSError):
            ctypes.CDLL(name)
            return True
    return AMD_DRIVER.exists()


def usable_device(name: str) -> str:
    """Return the device that a name stands for: `auto`, `cpu`, `cuda:1`.

    Raises
    ------
    UserError
        When PyTorch knows no such device, or there is none in this machine.
    """
    if name == "auto":
        return default_device()
    if name == "cpu":
        return name
    with importing():
        import torch
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, ImportError, TypeError, ValueError) as error:
        reason = type(error).__name__
        raise UserError(
            f"device {brief(name)} cannot be used ({reason}); use auto or cpu"
        ) from None
    return name


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Hold torch to so many threads, then restore."""
    with importing():
        import torch
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
