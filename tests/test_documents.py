"""What documents tell a reader to type can be typed, and gives what they show."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.main import get_command

import supertrainer
from reproduce import Candidate, Dataset, Oracle
from reproduce.commands import reproduce
from reproduce.commands.application import application, later
from reproduce.essay import comparison
from reproduce.records import Record, read
from search import SearchConfig, search
from tests.drawn import draw

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FOUR = ("tutorial", "how-to", "reference", "explanation")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`((?:supertrainer|python -m|make) [^`]+)`")
# What stands for a value in a table of commands.
PLACEHOLDERS = {"FILE": "x.npz", "FOLDER": "results", "N": "3", "P": "conv", "A": "a", "B": "b"}
PLACEHOLDERS["NAME"] = "seen"
PACKAGES = ("reproduce", "search", "distill", "analysis")
PACKAGE = {"distill": "distill", "search": "search", "reproduce": "reproduce"}


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return [content for kind, content in BLOCK.findall(text) if kind == language]


def lines(document: Path) -> Iterator[str]:
    """Every command of a document, each in one line: of its blocks, and in running text."""
    for block in blocks(document, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.split(" #")[0].strip()
    text = BLOCK.sub("", document.read_text(encoding="utf-8"))
    for line in INLINE.findall(text):
        first, *others = line.replace("\n", " ").split("\\|")
        head, _, last = first.rpartition(" ")
        yield f"{head} {last}" if others else first
        rest = " ".join(others[-1].split()[1:]) if others else ""
        yield from (f"{head} {other.split()[0]} {rest}" for other in others)


def words(line: str) -> list[str]:
    """A line's words, without what it leaves to the reader."""
    kept = (word for word in shlex.split(line) if word != "...")
    return [PLACEHOLDERS.get(word.removesuffix("..."), word) for word in kept]


COMMANDS = [
    pytest.param(words(line), id=f"{document.stem}: {line[:70]}")
    for document in DOCUMENTS
    for line in dict.fromkeys(lines(document))
    if line.split(" ")[0] in ("supertrainer", "python", "make", "torchrun")
]


def parsed(command: Any, arguments: list[str]) -> None:
    """Parse arguments as the command line would, to its last subcommand; run nothing."""
    if not hasattr(command, "commands"):
        command.make_context("x", arguments)
    elif arguments and not arguments[0].startswith("-"):
        command.commands[arguments[0]].make_context(arguments[0], arguments[1:])


def module_command(name: str) -> Any:
    """The command line of a module: of the functions that it gives to `application`."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "application"
    ]
    functions = [getattr(module, argument.id) for argument in calls[-1].args]  # type: ignore[attr-defined]
    return get_command(application(*functions, help=""))


LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?!https?:)([^)\s]+)\)")
PATH = re.compile(
    r"`((?:reproduce|search|distill|analysis|benchmarks|tests|docs|results)/[\w./-]*|\w+\.py)`"
)


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", document.read_text("utf-8")), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_an_anchor_that_exist(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_named_file_exists(document: Path) -> None:
    for name in PATH.findall(document.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_the_readme_links_the_four_documents_and_every_document_is_linked() -> None:
    linked = {
        (document.parent / link.partition("#")[0]).resolve()
        for document in DOCUMENTS
        for link in LINK.findall(document.read_text(encoding="utf-8"))
    }
    four = {ROOT / "docs" / f"{name}.md" for name in FOUR}
    readme = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert four <= {(ROOT / link.partition("#")[0]).resolve() for link in readme}
    assert {*DOCUMENTS} - {ROOT / "README.md"} <= linked


def test_there_are_many() -> None:
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("command", COMMANDS)
def test_every_documented_command_is_one_that_the_command_line_takes(
    command: list[str],
) -> None:
    program, *arguments = command
    if program == "torchrun":
        program, arguments = "python", arguments[arguments.index("-m") :]
    if program == "make":
        targets = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{arguments[0]}:", targets, re.MULTILINE)
    elif program == "supertrainer":
        parsed(later(supertrainer.COMMANDS, ""), arguments)
    elif arguments[:2] == ["-m", "supertrainer"]:
        parsed(later(supertrainer.COMMANDS, ""), arguments[2:])
    elif arguments[1] in PACKAGES:
        assert importlib.util.find_spec(f"{arguments[1]}.__main__")
        name = PACKAGE.get(arguments[1])
        parsed(later(supertrainer.COMMANDS, ""), [*([name] if name else []), *arguments[2:]])
    else:
        parsed(module_command(arguments[1]), arguments[2:])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_in_documents_imports_what_there_is(document: Path) -> None:
    for block in blocks(document, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
                module = importlib.import_module(str(node.module))
                for name in node.names:
                    if not hasattr(module, name.name):
                        importlib.import_module(f"{node.module}.{name.name}")


def essay_commands(document: Path) -> list[list[str]]:
    block = next(block for block in blocks(document, "sh") if "reproduce baselines" in block)
    commands = [words(line.split(" #")[0]) for line in block.splitlines()]
    return [command for command in commands if command[:2] == ["supertrainer", "reproduce"]]


def test_the_commands_of_the_essays_table_make_the_table(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full commands, on a copy of the records: nothing is missing, and no cell differs."""
    commands = essay_commands(ROOT / "docs" / "essay.md")
    kept = ROOT / "results" / "records" / "essay.jsonl"
    copy = tmp_path / "records.jsonl"
    copy.write_bytes(kept.read_bytes())
    shown: list[Record] = []
    monkeypatch.setattr(reproduce, "show_records", lambda scored, *_: shown.extend(scored))
    monkeypatch.setattr(Oracle, "_computed", lambda *_: pytest.fail("a score is not on record"))
    monkeypatch.setattr("reproduce.commands.options.load", lambda *_: mnist)
    for command in commands:
        command[command.index("--records") + 1] = str(copy)
        later(supertrainer.COMMANDS, "").main(command[1:], standalone_mode=False)
    made, tabled = (cells(records) for records in (shown, read(kept)))
    assert made == tabled
    assert len(made) == 35


def cells(records: list[Record]) -> dict[tuple[str, int, str | None], tuple[str, int, str]]:
    return {
        (c.published.protocol, c.published.ipc, c.draw): (str(c.ours), c.ours.n, c.verdict)
        for c in comparison.compare_draws(records)
    }


# A small form of a documented command: the same words, and after them options that make it cheap
# (the last one of an option counts). Other datasets, folders and files change no code path.
SMALL = {
    "reproduce": "--dataset digits --n 1 --seeds 1 --workers 1 --records small.jsonl",
    "search": "--dataset digits --protocol conv --budget 9 --epochs 1 --images 60 --search-seeds 1 "
    "--batch 4 --seeds 1 --tops 2 --random-sets 2 --workers 1",
    "distill": "--dataset digits --for sgd --steps 3 --width 8 --depth 2 "
    "--inner-steps 3 --batch 20 --seeds 1 --checks 1 --workers 1",
    "score": "--protocol knn --seeds 1 --workers 1",
    "read": "--protocol conv --epochs 1",
    "import": "--dataset digits",
    "compare": "--protocol mlp --seeds 2 --workers 1",
    "final": "--seeds 1 --strong 0 --random 1 --workers 1",
    "analyse": "--protocol knn --seeds 1 --digits 20 --workers 1",
    "embed": "--background 100",
    "random-curve": "--dataset digits --protocol knn --n 1,2 --sets 2 --seeds 1 --workers 1",
}
# What trains for minutes in any form, or needs weights that are downloaded: tests/reproduce runs
# its parts. `report --update` needs all results: tests/analysis/tables/test_documents.py holds
# its tables. A database has a server: tests/search runs it.
LONG = {("reproduce", name) for name in ("best", "transfer", "problems", "all")} | {("demo",)}


def typed(document: Path) -> list[list[str]]:
    """A document's commands in order, each as its words without the program's name."""
    commands = [words(line) for line in lines(document) if line.startswith("supertrainer ")]
    return [c[1:] for c in commands if "--update" not in c and not any("://" in w for w in c)]


def kind(command: list[str]) -> tuple[str, ...]:
    return tuple(command[: 2 if command[0] == "reproduce" else 1])


def run(command: list[str]) -> None:
    small = [*command, *SMALL.get(command[0], "").split()]
    assert not later(supertrainer.COMMANDS, "").main(small, standalone_mode=False)


def longest_of_each_kind() -> list[Any]:
    """Of each command of the README, the guides and the reference the line with most words."""
    longest: dict[tuple[str, ...], list[str]] = {}
    for name in ("README.md", "docs/how-to.md", "docs/reference.md"):
        for command in typed(ROOT / name):
            longest[kind(command)] = max(command, longest.get(kind(command), []), key=len)
    return [
        pytest.param(command, id=" ".join(command)[:70])
        for key, command in longest.items()
        if key not in LONG and not key[0].startswith("-")
    ]


@pytest.fixture
def small_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ten: Candidate, digits: Dataset
) -> Path:
    """A working folder with what the documented commands ask for."""
    for name in ("x.npz", "a", "b", "runs/x.npz", "results/x.npz"):
        ten.renamed(Path(name).stem).save(tmp_path / name)
    for name in ("three.png", "seven.jpg"):
        Image.fromarray((255 * ten.images[3, 0]).astype(np.uint8)).save(tmp_path / name)
    pairs = [ten.tensor_dataset().tensors]
    torch.save({"data": pairs}, tmp_path / "res_DC_MNIST_ConvNet_1ipc.pt")
    config = SearchConfig(protocol="knn", method="random", budget="2", batch=2)
    list(search(Oracle(digits, workers=1), config, "seen", tmp_path / "runs" / "studies.journal"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_is_documented() -> None:
    shown = {kind(command)[0] for command in typed(ROOT / "docs" / "reference.md")}
    assert set(later(supertrainer.COMMANDS, "").commands) == {c for c in shown if c[0] != "-"}


@pytest.mark.parametrize("command", longest_of_each_kind())
@pytest.mark.usefixtures("small_folder", "short_trainings")
def test_one_line_of_each_documented_command_runs_in_a_small_form(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(["x.npz" if word.endswith(".npz") else word for word in command])
    assert capsys.readouterr().out.strip()


@pytest.mark.usefixtures("short_trainings")
def test_the_tutorial_runs_from_its_first_command_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command finds the files that the commands before it wrote, and ten drawn digits."""
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "my-digits")
    for command in typed(ROOT / "docs" / "tutorial.md"):
        if kind(command) not in LONG:
            run(command)
            assert capsys.readouterr().out.strip()
    assert (tmp_path / "report" / "index.html").exists()
