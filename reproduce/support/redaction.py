"""Removal of secrets, such as passwords in addresses, from everything written or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
SHORTEST = 3  # characters of a piece of a secret that is looked for outside of an address

# The password itself may hold `@`, `:` and `/`: all up to the last `@` may belong to it.
_USER = re.compile(r"(?<!\S)\S*@")
_SETTING = re.compile(r"""(?<![^\s?&;=])([^\s?&;=]+)=('[^']*'|"[^"]*"|[^\s&]*)""")
_SECRET_NAME = re.compile(r"pass|pwd|^pw$|secret|token|credential|auth|key$", re.IGNORECASE)
_INNER_NAME = re.compile(r"[^\s;=]+(?==)")  # of settings that the value of another setting holds
# Who leaves the host out writes a password where the port would be.
_A_PORT = r"(?:port|\d*)(?:[/?#]|[;,.)]*(?:\s|$))"
_NO_PORT = re.compile(rf"(://[^\s/?#@:\[\]]*:)(?!{_A_PORT})([^\s/?#@]+)(?![^\s/?#]*@)")


def redacted(text: str, *known: str) -> str:
    """The text without user information in addresses and without values of secret settings.

    `scheme://user:secret@host` becomes `scheme://***@host`, whatever characters the secret has.
    `scheme://user:secret` without a host becomes `scheme://user:***`. Settings such as
    `password=secret` or `token=secret` lose their values, also inside the value of another setting.

    Parameters
    ----------
    text : str
        A word of a command line, an error message, a line of a log.
    known : str
        Arguments and addresses that may hold secrets. These secrets are also removed outside of
        addresses: whole, in pieces, and percent-encoded.
    """
    for secret in sorted(_secrets(known), key=len, reverse=True):
        text = _word(secret).sub(HIDDEN, text)
    text = _USER.sub(_without_user, _SETTING.sub(_without_value, text))
    return _NO_PORT.sub(rf"\1{HIDDEN}", text)


class Redacting:
    """A text stream that passes on what is written to it, without the secrets in `known`."""

    def __init__(self, stream: TextIO, known: Iterable[str]) -> None:
        self._stream, self._known = stream, tuple(known)

    def write(self, text: str) -> int:
        """Write the text without secrets; return its length with them."""
        self._stream.write(redacted(text, *self._known))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines without secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def holds_secret(text: str) -> bool:
    """Whether the text holds a secret."""
    return any(_secrets([text]))


def _without_user(match: re.Match[str]) -> str:
    if ":" not in match[0]:
        return match[0]  # `name@host`, an address of mail
    scheme, separator, _ = match[0].partition("://")
    if not separator or ":" in scheme or "@" in scheme:
        return f"{HIDDEN}@"
    return f"{scheme}://{HIDDEN}@"


def _without_value(match: re.Match[str]) -> str:
    if not _secret(match[1], match[2]):
        return match[0]
    # An `@` may be the end of user information that begins further ahead: `_USER` needs it.
    return f"{match[1]}={HIDDEN}" + ("@" if "@" in match[2] else "")


def _secrets(known: Iterable[str]) -> Iterator[str]:
    """The secrets in some arguments, in every form in which an error could show them."""
    for argument in known:
        scheme, separator, rest = argument.partition("://")
        user = (rest if separator else scheme).rpartition("@")[0]
        if separator or ":" in user:
            yield from _forms(user)
            yield from _forms(user.partition(":")[2])
        for name, value in _SETTING.findall(argument):
            if _secret(name, value):
                yield from _forms(value.strip("'\""))
        for _, instead_of_port in _NO_PORT.findall(argument):
            yield from _forms(instead_of_port)


def _secret(name: str, value: str) -> bool:
    """Whether a setting is secret, or holds one, as `odbc_connect=UID%3Du%3BPWD%3Dsecret` does."""
    names = [unquote(name), *_INNER_NAME.findall(unquote(value))]
    return any(map(_SECRET_NAME.search, names))


def _forms(secret: str) -> Iterator[str]:
    for form in {secret, unquote(secret), unquote_plus(secret)}:
        whole = {form, quote(form), quote(form, safe=""), quote_plus(form), repr(form)[1:-1]}
        pieces = set(re.split(r"[\s@:/?#&=,;]+", form))
        yield from (part for part in whole | pieces if len(part) >= SHORTEST)


def _word(secret: str) -> re.Pattern[str]:
    """A pattern for a secret as a word of its own: `postgres`, but not in `postgresql`."""
    before = r"(?<!\w)" if secret[0].isalnum() else ""
    after = r"(?!\w)" if secret[-1].isalnum() else ""
    return re.compile(before + re.escape(secret) + after)
