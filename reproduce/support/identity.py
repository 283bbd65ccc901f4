"""The identity of a Python function or class: a digest that changes when its code is edited.

The digest covers the compiled code, the values bound to a function (defaults, closures, arguments
of a partial), and the functions, classes and constants of its own package that the code names.
Line numbers, comments and file names do not count, nor do lists and other mutable values of a
module. Of other packages, only the names count.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import types
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
MUTABLE = (list, dict, set, bytearray)


class UnknownIdentityError(Exception):
    """A value whose content cannot be identified; the message says which."""


def identity(function: Callable[..., Any]) -> str:
    """Eight hexadecimal digits that change with the code of a function or class and bound values.

    Raises
    ------
    UnknownIdentityError
        For what is neither a Python function, nor a partial of one, nor a class, and where a bound
        value is not a number, text, array, function or collection of these.
    """
    if not isinstance(function, types.FunctionType | functools.partial | type):
        raise UnknownIdentityError(f"a {type(function).__name__}")
    digest = hashlib.sha256()
    for part in _parts(function, _home(function), set()):
        digest.update(part.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()[:8]


def _home(function: Any) -> str:
    """The package whose functions, classes and constants count."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__module__", None)).split(".")[0]


def _parts(value: Any, home: str, seen: set[int]) -> Iterator[str]:
    """The content of a value, piece by piece, in an order that does not depend on hashes."""
    if isinstance(value, PLAIN):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, enum.Enum):
        yield f"{type(value).__qualname__}.{value.name}"
    elif isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        array = np.ascontiguousarray(value)
        yield f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    elif isinstance(value, types.CodeType):
        yield from _code(value, home, seen)
    elif isinstance(value, list | tuple):
        yield f"{type(value).__name__} {len(value)}"
        for item in value:
            yield from _parts(item, home, seen)
    elif isinstance(value, set | frozenset | dict):
        items = value.items() if isinstance(value, dict) else value
        told = sorted("|".join(_parts(item, home, set(seen))) for item in items)
        yield f"{type(value).__name__} {told}"
    elif isinstance(value, PurePath):
        yield f"path {value}"
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value).__qualname__
        for field in dataclasses.fields(value):
            yield from _parts(getattr(value, field.name), home, seen)
    elif isinstance(value, functools.partial):
        yield "partial"
        for part in (value.func, value.args, value.keywords):
            yield from _parts(part, home, seen)
    elif isinstance(value, types.ModuleType):
        yield f"module {value.__name__}"
    elif isinstance(value, types.FunctionType | type | types.BuiltinFunctionType):
        yield from _defined(value, home, seen)
    else:
        raise UnknownIdentityError(f"it was given a {type(value).__name__}")


def _defined(value: Any, home: str, seen: set[int]) -> Iterator[str]:
    """A function or class: its name, and in the function's own package its code."""
    yield f"{value.__module__}:{value.__qualname__}"
    if id(value) in seen or _home(value) != home:
        return
    seen.add(id(value))
    if isinstance(value, types.FunctionType):
        cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=True))
        closed = {name: _content(cell) for name, cell in cells.items()}
        yield from _parts((value.__defaults__, value.__kwdefaults__, closed), home, seen)
        yield from _parts(value.__code__, home, seen)
        for name in sorted(_names(value.__code__)):
            if name in value.__globals__:
                yield from _stated(name, value.__globals__[name], home, seen)
    elif isinstance(value, type):
        for base in value.__bases__:
            yield from _defined(base, home, seen)
        for name, member in sorted(vars(value).items()):
            inner = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            if not name.startswith("__") or isinstance(inner, types.FunctionType):
                yield from _stated(name, inner, home, seen)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # of a function that refers to itself, before it has its name
        return None


def _stated(name: str, value: Any, home: str, seen: set[int]) -> Iterator[str]:
    """A name of a module or class, with its value unless that is mutable or unknown."""
    yield name
    if not isinstance(value, MUTABLE):
        try:
            yield from list(_parts(value, home, seen))
        except UnknownIdentityError:
            yield type(value).__qualname__


def _names(code: types.CodeType) -> set[str]:
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _code(code: types.CodeType, home: str, seen: set[int]) -> Iterator[str]:
    """The code, without line numbers and file names."""
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    table = getattr(code, "co_exceptiontable", b"")
    yield f"{counts} {code.co_code!r} {table!r} {code.co_names} {code.co_freevars}"
    yield from _parts(code.co_consts, home, seen)
