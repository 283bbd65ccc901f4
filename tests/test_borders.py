"""Imports point one way: supertrainer -> analysis, search, distill -> reproduce."""

import ast
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
