"""Imports point one way: between packages, between the rooms of a package, and in no circle.

A room is a file or a folder of a package. Every import statement of the project counts, wherever
in its file it stands, also in benchmarks and in tests.
"""

from __future__ import annotations

import re

import pytest

from tests.imports import ROOT, cycles, file_of, graph, modules
from tests.rooms import BELOW, ROOMS, package_of, room_of

PUBLIC = {"", "__main__"}  # a package itself and its command line: above all of its rooms


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert list(cycles(graph())) == []


def test_the_search_for_circles_finds_them() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": {"e"}}
    assert list(cycles(edges)) == [["a", "b", "c"], ["e"]]


def test_imports_are_found_wherever_they_stand() -> None:
    assert "reproduce.commands.application" in graph()["supertrainer"]  # inside a function
    assert "reproduce.oracle" in graph()["reproduce"]  # under TYPE_CHECKING
    assert "reproduce.essay.draws" in graph()["supertrainer_final"]  # from a package, a module
    assert "reproduce" in graph()["supertrainer_final"]  # from a package, a name


@pytest.mark.parametrize("package", BELOW)
def test_packages_import_what_lies_below_them(package: str) -> None:
    wrong = [
        f"{file_of(module)} imports {file_of(other)}"
        for module in graph()
        if package_of(module) == package
        for other in graph()[module]
        if package_of(other) not in BELOW[package] | {package}
    ]
    assert not wrong


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_from_those_before_them(package: str) -> None:
    rooms = ROOMS[package]
    inside = [module for module in graph() if package_of(module) == package]
    assert {room_of(module) for module in inside} - PUBLIC == set(rooms)
    wrong = [
        f"{file_of(module)} imports {file_of(other)}"
        for module in inside
        if room_of(module) not in PUBLIC
        for other in graph()[module]
        if package_of(other) == package
        and room_of(other) not in rooms[: rooms.index(room_of(module)) + 1]
    ]
    assert not wrong


def test_benchmarks_are_imported_by_their_own_tests_alone() -> None:
    """Nothing that is installed needs them; what they write is read by `analysis`."""
    for module, others in graph().items():
        if any(package_of(other) == "benchmarks" for other in others):
            assert module.startswith(("benchmarks", "tests")), file_of(module)


def test_no_file_names_a_machine() -> None:
    for module, path in modules().items():
        assert "/" + "work/" not in path.read_text(encoding="utf-8"), file_of(module)


# What writes to a place that a user named, by its own means: an append, a cut, a temporary folder.
WRITERS = {
    "reproduce/support/files.py",
    "reproduce/records.py",
    "search/storage/pictures.py",
}
WRITING = re.compile(
    r"""write_text|write_bytes|open\([^)]*["'][rb+]*[wax+]|FileLock|"""
    r"""(np\.save\w*|torch\.save|savefig|imsave)\((?!.*\bbuffer\b)"""
)


def test_every_file_is_written_in_one_place() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for module, path in modules().items()
        if package_of(module) in ROOMS and WRITING.search(path.read_text(encoding="utf-8"))
    }
    assert found - {"search/storage/storage.py"} == WRITERS  # its lock has a name of its own
