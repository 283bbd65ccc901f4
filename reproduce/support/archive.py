"""Safe reading of `.npz` files: sizes are checked before anything is allocated."""

from __future__ import annotations

import io
import math
import sys
import warnings
import zipfile
from collections.abc import Mapping

import numpy as np

from reproduce.errors import UserError
from reproduce.support.text import brief

HEADER = 2**16  # bytes of an array's own header, at most
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy writes
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def unpacked(content: bytes, limits: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Read the arrays of a `.npz` file, without pickle and within limits of size.

    The sizes in the archive's directory and in the arrays' headers are checked against the limits
    before anything is unpacked. Unpacking stops at these sizes.

    Parameters
    ----------
    content : bytes
        The whole file.
    limits : mapping of str to int
        The names of the arrays that the file may hold, and the most bytes of each.

    Returns
    -------
    dict of str to ndarray
        The arrays of the file, read-only.

    Raises
    ------
    UserError
        When the content is damaged or too large, or holds anything else. The caller adds the
        file's name to the message.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns where it has to guess at a header
            members = _members(archive, limits)
            return {name: _array(archive, member) for name, member in members.items()}
    except UserError:
        raise
    except Exception as error:
        # Random damage makes zipfile, zlib and numpy raise some twenty types of exception.
        raise UserError(f"damaged, or no .npz file ({type(error).__name__})") from None


def _members(archive: zipfile.ZipFile, limits: Mapping[str, int]) -> dict[str, zipfile.ZipInfo]:
    """The members of the archive by name; each must be allowed and occur once."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if f"{name}.npy" != member.filename or name not in limits:
            raise UserError(f"holds {brief(member.filename)}, and may hold {', '.join(limits)}")
        if name in members:
            raise UserError(f"holds {name} twice")
        if member.compress_type not in COMPRESSIONS:
            raise UserError(f"{name} is packed in a way that numpy does not use")
        if member.file_size > limits[name] + HEADER:
            raise UserError(
                f"{name} unpacks to {member.file_size:,} bytes, at most {limits[name]:,} are read"
            )
        members[name] = member
    return members


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Read one array, which must be as long as its header and the directory say."""
    with archive.open(member) as file:
        shape, by_columns, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        if dtype.hasobject:
            raise UserError("holds pickled objects, which are never read")
        size = math.prod(shape) * dtype.itemsize
        if not 0 <= size <= member.file_size:
            raise ValueError("another size than its header says")
        content = file.read(size)
        if file.read(1):
            raise ValueError("another size than its header says")
    if dtype.kind == "U":  # numpy does not check that these are characters
        points = np.frombuffer(content, np.dtype("u4").newbyteorder(dtype.byteorder))
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError("not a text")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
