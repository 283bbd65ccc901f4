"""The routes of `docs/architecture.md`: which files a command enters, in the order of first entry.

`python -m tests.routes` walks the routes of the page and writes them, and the picture of the
rooms, into it anew. The page says what a route is: a command, and a numbered list of files.

A file is entered when one of its functions starts to run. What runs while modules are imported
does not count, nor do the files of `reproduce/support`, which all others use.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from unittest.mock import patch

import supertrainer
from reproduce import load
from reproduce.essay.draws import rmnist
from tests.imports import ROOT, file_of, module_of, modules, tree
from tests.rooms import ROOMS, picture

PAGE = ROOT / "docs" / "architecture.md"
SUPPORT = "reproduce/support/"
ROUTE = re.compile(r"```sh\nsupertrainer (.+)\n```\n\n((?:\d+\. .+\n)*)\n?")
ITEM = re.compile(r"\d+\. `(.+?)`")
PICTURE = re.compile(r"(?<=```text\n)[┌│└ ].*?(?=\n```)", re.DOTALL)
# What the page's `results` holds: the demo's results, and measures of a searched set.
RESULTS = ("demo/*.npz", "demo/*.jsonl", "sets/searched-ipc1.npz", "measures/*-171970.json")
RESULTS += ("measures/searched-ipc1-*.json",)


def routes(text: str) -> dict[str, list[str]]:
    """The commands of a page's routes, without `supertrainer`, and the files listed for each."""
    return {command: ITEM.findall(items) for command, items in ROUTE.findall(text)}


def walk(command: str, folder: Path) -> list[str]:
    """Run a command in a folder; the project's files that it enters, in order of first entry."""
    furnish(folder)
    forget()
    entered: dict[str, None] = {}
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code not in seen:
            seen.add(frame.f_code)
            file = project_file(frame.f_code.co_filename)
            if file:
                entered[file] = None

    before = sys.argv, Path.cwd()
    sys.argv = ["supertrainer", *command.split()]
    os.chdir(folder)
    sys.setprofile(note)
    try:
        with patch("torch.cuda.is_available", return_value=False):  # the page is of the CPU's route
            supertrainer.main()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"supertrainer {command} failed") from ended
    finally:
        sys.setprofile(None)
        sys.argv = before[0]
        os.chdir(before[1])
    return list(entered)


def furnish(folder: Path) -> None:
    """Put into a folder what the commands of the page read: `ten.npz` and `results`."""
    rmnist(load("digits"), 1).save(folder / "ten.npz")
    for pattern in RESULTS:
        for path in (ROOT / "results").glob(pattern):
            place = folder / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def forget() -> None:
    """Import all that is installed, and empty its caches: what ran before makes no difference."""
    for module in modules():
        if module.split(".")[0] in {*ROOMS, "supertrainer"} - {"benchmarks"}:
            for value in vars(import_module(module)).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def project_file(filename: str) -> str | None:
    """The path of a module from the project's root; None for support files, tests and libraries."""
    path = Path(filename)
    if path.suffix != ".py" or not path.is_relative_to(ROOT):
        return None
    file = path.relative_to(ROOT).as_posix()
    ours = module_of(file) in modules() and not file.startswith(("tests/", SUPPORT))
    return file if ours else None


def listed(files: list[str]) -> str:
    """Files as the numbered list of a route, each with the first line of its docstring."""
    return "".join(
        f"{number}. `{file}`: {summary(file)}\n" for number, file in enumerate(files, start=1)
    )


def summary(file: str) -> str:
    """The first line of a module's docstring."""
    docstring = ast.get_docstring(tree(module_of(file))) or file_of(module_of(file))
    return docstring.splitlines()[0]


def rewritten(text: str) -> str:
    """The page with its picture and its routes as they are now."""

    def anew(match: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            files = walk(match[1], Path(folder))
        return f"```sh\nsupertrainer {match[1]}\n```\n\n{listed(files)}\n"

    return ROUTE.sub(anew, PICTURE.sub(lambda _: picture(), text))


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(rewritten(page), encoding="utf-8")
