"""Imports point one way: supertrainer -> analysis, search, distill -> reproduce."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "reproduce": {"reproduce"},
    "search": {"search", "reproduce"},
    "distill": {"distill", "reproduce"},
    "analysis": {"analysis", "reproduce"},
}
OURS = {*ALLOWED, "supertrainer"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names & OURS


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for file in files:
        assert imported(file) <= ALLOWED[package], file


def test_no_test_or_package_names_a_machine() -> None:
    for file in ROOT.glob("*/*.py"):
        if ".venv" not in file.parts and file.parent.name != "tests":
            assert "/" + "work/" not in file.read_text(), file


# What writes to a place that a user named, by its own means: an append, a cut, a temporary folder.
WRITERS = {
    "reproduce/support/files.py",
    "reproduce/records.py",
    "search/storage/journal.py",
    "search/storage/pictures.py",
}
WRITING = re.compile(
    r"""write_text|write_bytes|open\([^)]*["'][rb+]*[wax+]|FileLock|"""
    r"""(np\.save\w*|torch\.save|savefig|imsave)\((?!.*\bbuffer\b)"""
)


def test_c18_every_file_is_written_in_one_place() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for package in (*ALLOWED, "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if WRITING.search(path.read_text(encoding="utf-8"))
    }
    assert found - {"search/storage/storage.py"} == WRITERS  # its lock has a name of its own
