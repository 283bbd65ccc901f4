"""The origin of a number: versions of packages, commit and command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reproduce.support.redaction import redacted
from reproduce.support.text import printable

LONGEST = 100_000  # characters of a command
CODE = ("reproduce", "search", "distill", "analysis", "supertrainer*.py", "pyproject.toml")
OURS = ("analysis", "benchmarks", "distill", "reproduce", "search")  # run by `python -m`
PACKAGES = (
    *("supertrainer", "torch", "torchvision", "numpy", "numba", "scipy"),
    *("scikit-learn", "optuna", "higher"),
)


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of every package that can change a number.

    A package that is not installed is `unknown`: this project, if its clone is imported directly.
    """
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


@cache
def commit() -> str:
    """The project's git commit, with `-dirty` if tracked code differs from it.

    Only code that makes numbers counts, not documents, tests and results.
    """
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # a folder's name may be of any bytes
            check=True,
        )
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != root:
            return "unknown"
        changed = git("status", "--porcelain", "--untracked-files=no", "--", *CODE)
        return git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def command() -> str:
    """The command that runs now, as one could type it again; see `typed`.

    Records are for everybody, so absolute paths outside of the working folder are cut to their
    last name, and user information in addresses is removed. Unprintable characters are escaped,
    and at most `LONGEST` characters are kept.
    """
    specification = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = specification.name.removesuffix(".__main__") if specification else ""
    return printable(typed(sys.argv, module, os.environ))[:LONGEST]


def typed(arguments: Sequence[str], module: str, environment: Mapping[str, str]) -> str:
    """The command that started a process, or words for a process that no command started.

    Parameters
    ----------
    arguments : sequence of str
        `sys.argv`; it is empty in a program that embeds Python.
    module : str
        The module of `python -m`, or empty.
    environment : mapping of str to str
        Holds the number of processes that `torchrun` has started.

    Returns
    -------
    str
        Such as `supertrainer score a.npz`, `python -m search --ipc 1` or `python mine.py`; in a
        notebook or under pytest `called from Python` with the name of the program.
    """
    program = Path(arguments[0] if arguments else "")
    package = program.parent.name if program.name == "__main__.py" else ""
    module = module or (package if package in OURS else "")
    if module == "supertrainer" or (not module and program.stem == "supertrainer"):
        words = ["supertrainer"]
    elif module.partition(".")[0] in OURS:
        words = [*_launcher(environment), "-m", module]
    elif not module and program.suffix == ".py" and program.name != "__main__.py":
        words = ["python", _placed(str(program))]
    else:
        name = module or program.stem
        return f"called from Python, by {name}" if name and name != "-c" else "called from Python"
    return shlex.join([*words, *map(_shown, arguments[1:])])


def _launcher(environment: Mapping[str, str]) -> list[str]:
    processes = environment.get("LOCAL_WORLD_SIZE")
    return ["torchrun", "--nproc-per-node", processes] if processes else ["python"]


def _shown(argument: str) -> str:
    option, equals, value = argument.partition("=") if argument[:2] == "--" else ("", "", argument)
    return option + equals + _placed(redacted(value, value))


def _placed(value: str) -> str:
    """An absolute path, relative to the working folder or cut to its name; other values stay."""
    path = Path(value)
    if not path.is_absolute():
        return value
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (OSError, ValueError):
        return path.name or value
