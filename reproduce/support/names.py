"""Names that become file names: none leads out of the folder that the user gave."""

from __future__ import annotations

import hashlib
import re

from reproduce.errors import UserError

LONGEST = 150  # bytes; file systems allow 255, and endings like `.history.json` are added
REPLACED = re.compile(r'[<>:"/\\|?*]')  # separators, and what Windows does not allow
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE | re.DOTALL)


def safe_name(name: str) -> str:
    """Make a file name of any text, for names that stand inside files.

    A text that is a safe file name already is returned as it is. In another one, all that no
    file system would take is replaced, and six digits of its checksum keep apart what would then
    be equal.

    Parameters
    ----------
    name : str
        Any text, empty, with separators, control characters or lone surrogates in it.

    Returns
    -------
    str
        One part of a path: neither empty nor hidden, at most 150 bytes, printable.
    """
    plain = "".join(letter if letter.isprintable() else "_" for letter in name)
    plain = REPLACED.sub("_", plain).strip(". ")
    if RESERVED.fullmatch(plain):
        plain = f"_{plain}"
    if plain == name and plain and len(plain.encode()) <= LONGEST:
        return name
    digits = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:6]
    return f"{_cut(plain, LONGEST - len(digits) - 1)}-{digits}".lstrip("-")


def _cut(text: str, most: int) -> str:
    """The beginning of a text, of so many bytes at most."""
    return text.encode()[:most].decode(errors="ignore")


def checked_name(name: str, what: str = "--name") -> str:
    """The name, where it can be part of a path as it is.

    Parameters
    ----------
    name : str
        What the user gave.
    what : str
        The option that it was given to, for the message.

    Raises
    ------
    UserError
        When it is empty, too long, hidden, or has separators or other characters that a file
        name cannot have on every system.
    """
    if safe_name(name) != name:
        raise UserError(
            f"{what} {name[:80]!a}: cannot be a file name; give up to {LONGEST} letters, "
            "digits, dashes and spaces, no separators, no dot at the beginning or end"
        )
    return name
