"""Where a number came from: versions, commit, command and device."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reproduce.text import printable

LONGEST = 100_000  # characters of a command
CODE = ("reproduce", "search", "distill", "analysis", "supertrainer.py", "pyproject.toml")
PACKAGES = (
    "supertrainer",
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "scipy",
    "scikit-learn",
    "optuna",
    "higher",
)


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of every package that can change a number.

    `unknown` stands for a package that is not installed: this project, where a clone of it is
    imported as it lies.
    """
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


@cache
def commit() -> str:
    """The project's git commit, with `-dirty` where tracked code differs from it.

    Only the code that makes numbers counts: documents, tests and results do not.
    """
    root = Path(__file__).resolve().parent.parent

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
    """The command line that runs now, as one could type it again.

    Of absolute paths only the name is kept: records are for all, and others keep files elsewhere.
    Unprintable characters are escaped, and no more than `LONGEST` characters are kept.
    """
    program = Path(sys.argv[0] if sys.argv else "")  # empty in a program that embeds Python
    name = f"python -m {program.parent.name}" if program.name == "__main__.py" else program.stem
    typed = shlex.join([*shlex.split(name), *map(_without_place, sys.argv[1:])])
    return printable(typed)[:LONGEST]


def _without_place(argument: str) -> str:
    option, equals, value = argument.partition("=") if argument[:2] == "--" else ("", "", argument)
    return option + equals + (Path(value).name if Path(value).is_absolute() else value)
