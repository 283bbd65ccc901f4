"""Short texts from outside, such as names: checked, shown without effect, used as file names."""

from __future__ import annotations

import hashlib
import re
import reprlib
import unicodedata
from typing import Any

from reproduce.errors import UserError

NAME = 200  # characters of a name, at most
# Unicode's control characters, lone surrogates, and ends of lines and paragraphs.
REFUSED = {"Cc", "Cs", "Zl", "Zp"}
TURNS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LONGEST = 150  # bytes of a file name; systems allow 255, and endings like `.history.json` follow
REPLACED = re.compile(r'[<>:"/\\|?*]')  # separators, and what Windows does not allow
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE | re.DOTALL)

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def checked(value: Any, what: str, most: int = NAME, least: int = 1) -> str:
    """Return a text that may be shown, stored and encoded anywhere.

    Parameters
    ----------
    value : object
    what : str
        What the text is, for the message, such as `class name`.
    most, least : int
        Bounds of its length in characters.

    Raises
    ------
    UserError
        When the value is not a text, is too short or too long, or holds control characters, lone
        surrogates, or marks that change the direction of writing.
    """
    if not isinstance(value, str):
        raise UserError(f"{what} is {brief(value)}, it must be a text")
    if not least <= len(value) <= most:
        raise UserError(f"{what} has {len(value)} characters, use {least} to {most}")
    if not value.isprintable() and any(map(_refused, value)):
        raise UserError(f"{what} is {brief(value)}; leave the unprintable characters out")
    return value


def printable(text: str) -> str:
    """Return the text with a visible escape in place of each character that `checked` refuses."""
    return "".join(ascii(char)[1:-1] if _refused(char) else char for char in text)


def brief(value: Any) -> str:
    """Return a value for a message: as Python writes it, printable, about 60 characters."""
    try:
        return printable(_SHORT.repr(value))
    except ValueError:  # whole numbers of thousands of digits
        return f"a very long {type(value).__name__}"


def safe_name(name: str) -> str:
    """Make a file name of any text.

    A text that is a safe file name is returned as it is. In any other text, characters that some
    file system refuses are replaced, and six digits of the text's checksum are added, so that two
    names stay different.

    Parameters
    ----------
    name : str
        Any text; it may be empty, or hold separators, control characters or lone surrogates.

    Returns
    -------
    str
        One part of a path: neither empty nor hidden, at most 150 bytes, printable.
    """
    plain = "".join(char if char.isprintable() else "_" for char in name)
    plain = REPLACED.sub("_", plain).strip(". ")
    if RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    if plain == name and plain and len(plain.encode()) <= LONGEST:
        return name
    digits = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:6]
    beginning = plain.encode()[: LONGEST - len(digits) - 1].decode(errors="ignore")
    return f"{beginning}-{digits}".lstrip("-")


def checked_name(name: str, what: str = "--name") -> str:
    """Return a name that can be part of a path as it is.

    Parameters
    ----------
    name : str
    what : str
        The option that has the name, for the message.

    Raises
    ------
    UserError
        When the name is empty, too long or hidden, or holds separators or other characters that
        some system refuses in file names.
    """
    if safe_name(name) != name:
        raise UserError(
            f"{what} {name[:80]!a}: cannot be a file name; give up to {LONGEST} letters, "
            "digits, dashes and spaces, no separators, no dot at the beginning or end"
        )
    return name


def _refused(char: str) -> bool:
    return char in TURNS or unicodedata.category(char) in REFUSED


def counted(count: int, things: str) -> str:
    """How many things there are, in words: `1,000 sets`, `1 set`."""
    return f"{count:,} {things if count != 1 else things.removesuffix('s')}"
