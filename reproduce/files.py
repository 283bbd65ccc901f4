"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from reproduce.errors import UserError


def write_whole(path: Path, content: bytes) -> Path:
    """Write `content` beside `path`, flush it to disk, then move it into place.

    An interrupted or failed write leaves the file that was there before untouched.

    Parameters
    ----------
    path : Path
        Where the file is to be; its folder is made when it is missing.
    content : bytes
        The whole content.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UserError
        When the folder cannot be written to or the disk is full.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write {path}: {reason}; free space or name another place"
        ) from None
    return path
