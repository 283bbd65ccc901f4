"""Files and functions are short, and nothing lies about that nobody uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pytest

import supertrainer
from tests.imports import ROOT, file_of, graph, modules, tree, used_names

LONGEST_FILE, LONGEST_FUNCTION = 300, 40  # lines; of a function, those of its docstring not counted
PUBLIC = ("reproduce", "search", "distill", "analysis")
CODE = [module for module in modules() if not module.startswith("tests")]
# Only tests use what stands in these: plain references, with which they compare the fast ways.
REFERENCES = {"distill.reference", "reproduce.networks.essay_net.reference"}
# What is to be split or deleted yet.
TOO_LONG: set[str] = set()
UNUSED = {
    "reproduce.support.redaction.Redacting.writelines",  # a stream has it, whoever calls it
    "reproduce.candidate.Candidate.tensor_dataset",  # for training loops of the user's own
}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


@pytest.mark.parametrize("module", sorted(modules().keys() - TOO_LONG))
def test_files_and_functions_are_short(module: str) -> None:
    lines = len(modules()[module].read_text(encoding="utf-8").splitlines())
    said = ast.get_docstring(tree(module)) or ""
    assert lines <= LONGEST_FILE or "This file is long because" in said
    for node in ast.walk(tree(module)):
        if isinstance(node, Function):
            assert length(node) <= LONGEST_FUNCTION, f"{node.name} has {length(node)} lines"


def length(function: Function) -> int:
    """Lines of a function without its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    lines = function.end_lineno - function.lineno + 1  # type: ignore[operator]
    return lines - (docstring.end_lineno - docstring.lineno + 1 if docstring else 0)  # type: ignore[operator]


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_of_a_package_can_be_imported(package: str) -> None:
    home = import_module(package)
    assert set(home.__all__) <= set(dir(home))
    for name in home.__all__:
        assert getattr(home, name) is not None


def test_every_module_is_used() -> None:
    """It is imported, a command, run by `python -m`, or found by its package in its folder."""
    used = set().union(*(graph()[module] for module in CODE))
    used |= {home.split(":")[0] for home in supertrainer.COMMANDS} | {"supertrainer"}
    unused = [
        file_of(module)
        for module in CODE
        if module not in used and not is_package(module) and not is_run(module)
        if module not in REFERENCES and not looks_into_its_folder(module.rpartition(".")[0])
    ]
    assert not unused


def is_package(module: str) -> bool:
    return modules()[module].name == "__init__.py"


def is_run(module: str) -> bool:
    """Whether a module has a command line of its own."""
    return module.endswith("__main__") or any(
        isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        for node in tree(module).body
    )


def looks_into_its_folder(package: str) -> bool:
    looking = {"iter_modules", "import_module"}
    return package in modules() and any(name in looking for _, name in used_names(package))


def test_everything_public_is_used() -> None:
    """By other code than its own and than tests; templates use attributes, too."""
    unused = {
        f"{module}.{name}"
        for module in CODE
        if module not in REFERENCES
        for name in unused_names(module)
    }
    assert unused <= UNUSED


def unused_names(module: str) -> Iterator[str]:
    for node in tree(module).body:
        if not isinstance(node, Definition):
            continue
        if not registered(node) and not referred_to(module, node):
            yield node.name
        elif isinstance(node, ast.ClassDef) and only_ours(node):
            yield from (f"{node.name}.{name}" for name in unused_members(node))


def registered(node: Definition) -> bool:
    """Whether a decorator with arguments, such as `@protocol("knn")`, registers the function."""
    return any(isinstance(decorator, ast.Call) for decorator in node.decorator_list)


def referred_to(module: str, node: Definition) -> bool:
    """Whether the module uses it outside of its own body, or another module does."""
    if (module, node.name) in used_elsewhere() or node.name.startswith("__"):
        return True
    inside = set(ast.walk(node))
    return any(
        isinstance(other, ast.Name) and other.id == node.name and other not in inside
        for other in ast.walk(tree(module))
    )


@cache
def used_elsewhere() -> set[tuple[str, str]]:
    return set().union(*map(used_names, CODE)) | {
        tuple(home.split(":"))
        for home in supertrainer.COMMANDS  # type: ignore[misc]
    }


def only_ours(node: ast.ClassDef) -> bool:
    """Whether no class of a library asks for the methods of this one."""
    bases = [ast.unparse(base).split(".")[-1] for base in node.bases]
    return all(base in classes() and only_ours(classes()[base]) for base in bases)


@cache
def classes() -> dict[str, ast.ClassDef]:
    return {
        node.name: node
        for module in CODE
        for node in tree(module).body
        if isinstance(node, ast.ClassDef)
    }


def unused_members(node: ast.ClassDef) -> Iterator[str]:
    """Methods and fields whose names nothing reads, in code or templates."""
    for member in node.body:
        if isinstance(member, Function):
            name = member.name
        elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            name = member.target.id
        else:
            continue
        if not name.startswith("__") and name not in names_read():
            yield name


@cache
def names_read() -> set[str]:
    read = {
        node.attr
        for module in CODE
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    for template in (ROOT / "analysis").rglob("*.j2"):
        read |= set(re.findall(r"\.(\w+)", template.read_text(encoding="utf-8")))
    return read
