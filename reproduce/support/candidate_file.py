"""The format of candidate files: arrays and JSON in one `.npz`, verified when it is read."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from reproduce.errors import UserError
from reproduce.support import archive
from reproduce.support.arrays import MOST_IMAGES, MOST_LABELS, MOST_PIXELS

FORMAT = "supertrainer-candidate/1"
LIMITS = {  # bytes
    "images": 4 * MOST_PIXELS,
    "labels": 4 * MOST_LABELS,
    "indices": 8 * MOST_IMAGES,
    "meta": 2**24,
}


def packed(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bytes:
    """The content of a file; its meta holds a digest of everything in it."""
    buffer = io.BytesIO()
    text = json.dumps({**meta, "digest": digest(arrays, meta)})
    np.savez_compressed(buffer, **arrays, meta=np.array(text))  # type: ignore[arg-type]
    return buffer.getvalue()


def unpacked(content: bytes, needed: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the arrays and the meta of a file.

    Parameters
    ----------
    content : bytes
    needed : collection of str
        Arrays and fields of the meta that the file must hold.

    Raises
    ------
    UserError
        When the file is damaged, too large, of another format or incomplete. The caller adds its
        name to the message.
    """
    try:
        arrays: dict[str, Any] = archive.unpacked(content, LIMITS)
    except UserError as error:
        raise UserError(f"not a readable candidate file: {error}") from None
    text = arrays.pop("meta", np.array(""))
    try:
        meta = json.loads(text.item(), parse_constant=_no_number)
    except (TypeError, ValueError, RecursionError):
        raise UserError("not a candidate file (no meta, or one that is not JSON)") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise UserError(f"not a candidate file (its meta does not say {FORMAT})")
    lacking = set(needed) - set(arrays) - set(meta)
    if lacking:
        raise UserError(f"lacks {', '.join(sorted(lacking))}; make or fetch it again")
    return arrays, meta


def digest(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> str:
    """16 hex digits that depend on all arrays and on the whole meta except the digest itself."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode())
        add(found, arrays[name])
    rest = {name: value for name, value in meta.items() if name != "digest"}
    found.update(json.dumps(rest, sort_keys=True).encode())
    return found.hexdigest()[:16]


def add(found: Any, array: np.ndarray) -> None:
    """Update a hash with the type, the shape and the values of an array."""
    found.update(f"{array.dtype.str}{array.shape}".encode())
    found.update(np.ascontiguousarray(array).data)


def _no_number(name: str) -> Any:
    raise ValueError(name)  # NaN and infinities
