"""Nothing in a name acts on the terminal that shows it."""

import ast
from pathlib import Path

import numpy as np
import pytest

from analysis.command import comparison_words, facts_table, labels_table
from reproduce import Candidate
from reproduce.commands.terminal import progress, say
from reproduce.summary import GROUP, paired, score_table
from reproduce.support.table import Table
from reproduce.support.text import printable

ROOT = Path(__file__).parents[3]
NAMES = ["[bold]x", "[/]", ":smile:", "[link=http://a]b", "a\x1b[31mb", "\\", "\ud800", "$x^{$"]
PRODUCT = ("reproduce", "search", "distill", "analysis")


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with colours, in which rich would act on what it understands."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_shown_letter_by_letter(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(name, Table(["head", name], [[name, name]], name))
    say(name, stderr=True)
    with progress(name) as update:
        update(1, 2, name)
    out, err = capsys.readouterr()
    assert out.count(printable(name)) == 5
    assert err.count(printable(name)) >= 3
    assert "\x1b[31m" not in out + err
    assert "\U0001f604" not in out


def test_the_counts_of_a_bar_fit_beside_the_longest_title(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with progress(f"score transfer-{'x' * 100}") as update:
        update(9999, 10000, "features of images")
    shown = capsys.readouterr().err
    assert "9999/10000" in shown
    assert "features of images" in shown


def test_what_the_commands_show_of_a_set_is_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    name = "[bold]x[/bold] :smile:"
    images, labels = np.zeros((2, 1, 4, 4)), np.eye(2)
    fields = dict.fromkeys(("name", "method", "dataset", "checksum", "command"), name)
    made = Candidate(images, labels, label_scale="probability", classes=2, **fields)
    record = {
        **dict.fromkeys((*GROUP, "role"), name),
        **{"ipc": 1, "seed": 0, "accuracy": 50.0, "candidate": made.hash},
    }
    say(facts_table(made), labels_table(made), score_table([record], name))
    say(comparison_words(name, name, paired({0: 1.0, 1: 2.0}, {0: 1.5, 1: 2.0})))
    out = capsys.readouterr().out
    assert out.count("[bold]x[/bold]") == out.count(":smile:") >= 10


def test_one_module_alone_prints_with_rich() -> None:
    files = [file for package in PRODUCT for file in (ROOT / package).rglob("*.py")]
    for file in [*files, *ROOT.glob("supertrainer*.py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        found = [module for module in modules if module.split(".")[0] == "rich"]
        assert not found or file.name == "terminal.py", file
