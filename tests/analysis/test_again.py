"""Each number's origin has a cheap command, and what that prints is the number."""

from __future__ import annotations

import io
import json
import shlex
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command

from analysis import again
from analysis.measure import measures
from analysis.page.report import content_of
from analysis.results import Results, collect
from benchmarks.compare import architectures, rivals
from reproduce import Dataset, Oracle
from reproduce.commands.application import application, later
from reproduce.essay import draws
from search import rivals as rules
from search.config import SearchConfig
from supertrainer import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "benchmarks.compare.rivals": rivals.write,
    "benchmarks.compare.architectures": architectures.cross,
}


def run(command: str, *more: str) -> str:
    """Run a command line of ours in this process; what it prints."""
    program, *arguments = shlex.split(command)
    arguments = [name for part in arguments for name in (sorted(glob(part)) or [part])]
    if program == "python":
        app = get_command(application(MODULES[arguments[1]], help=""))
        arguments = arguments[2:]
    else:
        app = later(COMMANDS, "")
    with redirect_stdout(io.StringIO()) as printed:
        app.main([*arguments, *more], standalone_mode=False)
    return printed.getvalue()


def glob(part: str) -> list[str]:
    return [str(path) for path in Path().glob(part)] if "*" in part else []


@pytest.fixture
def scored(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Records of a file, an essay's draw, a rule and random sets, in a working folder."""
    monkeypatch.chdir(tmp_path)
    oracle = Oracle(digits, "results/records/essay.jsonl", workers=1)
    kept = replace(measures.random_set(digits, 1, 7), name="my set", role="given")
    kept.save("results/my set.npz")
    rule = rules.rule_sets(oracle, SearchConfig(ipc=1))[0]
    sets = [
        kept,
        draws.rmnist(digits, 1, "figures"),
        rule,
        *rules.random_sets(digits, (1,) * 10, 3),
    ]
    oracle.score_many(sets, "tree", [0, 1, 2, 7], "validation-b")
    return collect([Path("results")])


def test_b12_the_command_of_a_number_prints_the_number(scored: Results) -> None:
    origins = {
        role: [r for r in scored.records if r["role"] == role]
        for role in ("given", "essay draw", "simple rule", "random sets")
    }
    for role, records in origins.items():
        commands = again.scores(records, scored.paths)
        assert commands, role
        more = ("--records", f"runs/{role}.jsonl", "--json", "--workers", "1")
        printed = [run(c, *(more if c.startswith("supertrainer") else ())) for c in commands]
        found = [r for text in printed if text.startswith("[") for r in json.loads(text)]
        ours = {(r["candidate"], r["seed"]): r["accuracy"] for r in found}
        assert ours == {(r["candidate"], r["seed"]): r["accuracy"] for r in records}


def test_seeds_are_told_as_runs() -> None:
    assert again.runs([3, 1, 2, 1000, 7]) == [range(1, 4), range(7, 8), range(1000, 1001)]


def test_b12_every_origin_of_the_tracked_results_has_a_command_or_only_a_maker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those without a cheap command are of sets that a search alone makes, and maps."""
    monkeypatch.chdir(ROOT)
    parts = content_of(collect([Path("results")]))
    origins = [origin for origin in parts["origins"] if "source" not in origin]
    bare = [origin for origin in origins if not origin["again"]]
    assert len(bare) < len(origins) / 20
    for origin in origins:
        for command in origin["again"]:
            words = shlex.split(command)
            assert words[:3] in (
                ["python", "-m", "benchmarks.compare.rivals"],
                ["python", "-m", "benchmarks.compare.architectures"],
            ) or words[1] in ("score", "reproduce", "analyse", "random-curve", "show")
            files = [word for word in words if word.endswith(".npz") and "runs/" not in word]
            assert all(Path(file).is_file() for file in files)
