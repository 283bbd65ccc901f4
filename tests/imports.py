"""The project's modules and who imports whom, read from the import statements of every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reproduce", "search", "distill", "analysis", "benchmarks", "tests")
Graph = Mapping[str, set[str]]


@cache
def modules() -> dict[str, Path]:
    """All modules of the project by dotted name; a package goes by its own name."""
    paths = [*ROOT.glob("*.py")]
    for package in PACKAGES:
        paths += (ROOT / package).rglob("*.py")
    return {module_of(path.relative_to(ROOT).as_posix()): path for path in sorted(paths)}


def module_of(file: str) -> str:
    """The dotted name of a file, given relative to the project's root."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def file_of(module: str) -> str:
    """The file of a module, relative to the project's root."""
    return modules()[module].relative_to(ROOT).as_posix()


@cache
def tree(module: str) -> ast.Module:
    """The parsed source of a module."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def imported(module: str) -> set[str]:
    """The project's modules that a module imports, at the top of its file or anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            for alias in node.names:
                part = f"{source}.{alias.name}"
                found.add(part if part in modules() else source)
    return found & modules().keys()


@cache
def used_names(module: str) -> set[tuple[str, str]]:
    """What a module uses of others, as pairs of a module and a name in it."""
    known: dict[str, str] = {}  # names under which modules are known here
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            for alias in node.names:
                found.add((source, alias.name))
                known[alias.asname or alias.name] = f"{source}.{alias.name}"
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            found.add((known.get(ast.unparse(node.value), ""), node.attr))
    return found


def _source(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of what `from ... import` imports from."""
    if not node.level:
        return node.module or ""
    package = module.split(".")
    if modules()[module].name != "__init__.py":
        package = package[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


@cache
def graph() -> Graph:
    """Every module of the project with the modules that it imports."""
    return {module: imported(module) for module in modules()}


def cycles(edges: Graph) -> Iterator[list[str]]:
    """Groups of modules that import one another in a circle: strongly connected components.

    A module that imports itself is a circle of one.
    """
    reached = {module: _reachable(module, edges) for module in edges}
    seen: set[str] = set()
    for module in edges:
        if module in reached[module] and module not in seen:
            circle = sorted(m for m in reached[module] if module in reached[m])
            seen.update(circle)
            yield circle


def _reachable(start: str, edges: Graph) -> set[str]:
    """What can be reached from a module over one import or more."""
    found: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += edges[module]
    return found
