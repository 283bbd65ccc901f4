"""Persistent keys: SHA-256 of canonical text, the same on every machine and in every version."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def key(kind: str, *parts: Any) -> str:
    """64 hex digits that identify plain JSON values.

    Parameters
    ----------
    kind : str
        What is identified, with a version: `learner/1`. Another version gives other keys.
    parts
        Plain JSON values.
    """
    text = json.dumps([kind, *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
