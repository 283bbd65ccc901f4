"""Short texts from outside, such as names: checked at the entry, harmless where they are shown."""

from __future__ import annotations

import reprlib
import unicodedata
from typing import Any

from reproduce.errors import UserError

NAME = 200  # characters of a name, at most
# Unicode's control characters, lone surrogates, and ends of lines and paragraphs.
REFUSED = {"Cc", "Cs", "Zl", "Zp"}
TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def checked(value: Any, what: str, most: int = NAME, least: int = 1) -> str:
    """Return `value` where it is a text that may be shown, stored and encoded anywhere.

    Parameters
    ----------
    value : object
        What was given.
    what : str
        What the text is, for the message: `class name`, `candidate: name`.
    most, least : int
        Characters that it may have.

    Raises
    ------
    UserError
        When it is no text, too short or too long, or holds control characters, lone surrogates,
        or marks that turn the direction of writing.
    """
    if not isinstance(value, str):
        raise UserError(f"{what} is {brief(value)}, it must be a text")
    if not least <= len(value) <= most:
        raise UserError(f"{what} has {len(value)} characters, use {least} to {most}")
    if not value.isprintable() and any(map(_refused, value)):
        raise UserError(f"{what} is {brief(value)}; leave the unprintable characters out")
    return value


def printable(text: str) -> str:
    """Return the text with every character that `checked` refuses as an escape that is seen."""
    return "".join(ascii(char)[1:-1] if _refused(char) else char for char in text)


def brief(value: Any) -> str:
    """Return a value as messages quote it: as Python writes it, printable, about 60 characters."""
    try:
        return printable(_SHORT.repr(value))
    except ValueError:  # whole numbers of thousands of digits
        return f"a very long {type(value).__name__}"


def _refused(char: str) -> bool:
    return char in TURNING or unicodedata.category(char) in REFUSED
