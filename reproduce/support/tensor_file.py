"""Files of PyTorch by other people: read as tensors and plain values, and no code is run."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from reproduce.errors import UserError
from reproduce.support.files import read_input

# Numbers of numpy, which results beside tensors often are, under their old names, too.
NUMBERS = [np.dtype, *{type(np.dtype(kind)) for kind in "bBhHiIlLqQefd?"}]


def read(path: Path | str, what: str) -> Any:
    """What `torch.save` wrote.

    Parameters
    ----------
    path : Path or str
    what : str
        What the file should be, for the message.

    Raises
    ------
    UserError
        When the file is missing or damaged, or holds more than tensors and plain values.
    """
    import torch

    scalar = np.float64(0).__reduce__()[0]
    homes = ("numpy.core.multiarray", "numpy._core.multiarray")
    allowed: list[Any] = [*NUMBERS, *((scalar, f"{home}.scalar") for home in homes)]
    content = read_input(path)
    try:
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of checks that take long
            return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # a foreign file can make the unpickler fail in any way
        reason = type(error).__name__
        raise UserError(f"{path}: not a file of {what} ({reason}); fetch it again") from None
