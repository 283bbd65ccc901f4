"""B12 and C14: the command on record is one that runs, and holds no password."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reproduce.support import provenance
from reproduce.support.provenance import typed

HERE = Path(__file__).resolve()


@pytest.mark.parametrize(
    ("arguments", "module", "expected"),
    [
        (["/venv/bin/supertrainer", "score", "a.npz"], "", "supertrainer score a.npz"),
        (["supertrainer.py", "demo"], "", "supertrainer demo"),
        (["/clone/supertrainer.py", "demo"], "supertrainer", "supertrainer demo"),
        (["/x/search/__main__.py", "--ipc", "1"], "search", "python -m search --ipc 1"),
        (["/x/search/__main__.py", "--ipc", "1"], "", "python -m search --ipc 1"),
        (["/x/benchmarks/compare/protocols.py", "a"], "benchmarks.compare.protocols",
         "python -m benchmarks.compare.protocols a"),
        (["mine.py", "1"], "", "python mine.py 1"),
        (["/elsewhere/mine.py"], "", "python mine.py"),
        (["/venv/bin/pytest", "-q"], "", "called from Python, by pytest"),
        (["/x/pytest/__main__.py", "-q"], "pytest", "called from Python, by pytest"),
        (["/x/ipykernel_launcher.py", "-f", "k.json"], "ipykernel_launcher",
         "called from Python, by ipykernel_launcher"),
        (["-c"], "", "called from Python"),
        ([""], "", "called from Python"),
        ([], "", "called from Python"),
    ],
)  # fmt: skip
def test_how_a_command_is_recorded(arguments: list[str], module: str, expected: str) -> None:
    assert typed(arguments, module, {}) == expected


def test_processes_of_torchrun_are_part_of_the_command() -> None:
    found = typed(["/x/distill/__main__.py", "--nets", "4"], "distill", {"LOCAL_WORLD_SIZE": "2"})
    assert found == "torchrun --nproc-per-node 2 -m distill --nets 4"


def test_paths_can_be_typed_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    below = str(Path.cwd() / "runs" / "a b.npz")
    elsewhere = str(HERE.parent)
    found = typed(["supertrainer", "score", below, f"--data={elsewhere}", "../c.npz"], "", {})
    assert found == "supertrainer score 'runs/a b.npz' --data=support ../c.npz"


@pytest.mark.parametrize("how", [["-m", "search"], ["-m", "supertrainer"], ["supertrainer.py"]])
def test_the_recorded_command_is_the_one_that_was_typed(how: list[str]) -> None:
    """Started as users start it: the command line ends in an error that shows what is recorded."""
    code = (
        "import sys, runpy, types; sys.modules['search.command'] = types.SimpleNamespace(search=0);"
        "from reproduce.support import provenance; import reproduce.commands.application as a;"
        "a.application = a.later = lambda *_, **__: 0;"
        "a.run = lambda *_: print(provenance.command());"
    )
    root = HERE.parents[3]
    script = root / "supertrainer.py"
    runs = (
        f"runpy.run_module({how[-1]!r}, run_name='__main__', alter_sys=True)"
        if how[0] == "-m"
        else f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    first = how[-1] if how[0] != "-m" else "-m"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} sys.argv = [{first!r}, '--name', 'a b']; {runs}"],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True, capture_output=True,
    )  # fmt: skip
    expected = "python -m search" if how[-1] == "search" else "supertrainer"
    assert done.stdout.strip() == f"{expected} --name 'a b'", done.stderr


def test_no_password_in_a_recorded_command() -> None:
    for given in (
        ["--storage", "postgresql://me:geheim@host/db"],
        ["--storage=postgresql://me:ge@he/im@host/db?sslpassword=geheim"],
        ["--storage", "grpc://me:geheim@host:13000"],
        ["postgresql:/me:geheim@host"],
    ):
        found = typed(["supertrainer", "search", *given], "", {})
        assert "im@" not in found
        assert "geheim" not in found
        assert shlex.split(found)[:2] == ["supertrainer", "search"]


def commands(content: object) -> list[str]:
    """The values of every field `command` in a JSON value."""
    if isinstance(content, list):
        return [found for value in content for found in commands(value)]
    if not isinstance(content, dict):
        return []
    own = [content["command"]] if isinstance(content.get("command"), str) else []
    return own + [found for value in content.values() for found in commands(value)]


def test_every_command_of_the_shipped_results_names_one_that_exists() -> None:
    root = HERE.parents[3]
    folder = root / "benchmarks"
    modules = {
        ".".join(path.relative_to(folder).with_suffix("").parts) for path in folder.rglob("*.py")
    }
    from supertrainer import COMMANDS

    names = {home.split(":")[1].replace("_", "-") for home in COMMANDS}
    found = []
    for path in (root / "results").rglob("*.json*"):
        if path.suffix in (".json", ".jsonl"):
            lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
            found += [command for line in lines for command in commands(json.loads(line))]
    for path in (root / "results").rglob("*.npz"):
        with np.load(path, allow_pickle=False) as file:
            found += commands(json.loads(str(file["meta"])))
    assert found
    for command in set(found):
        words = shlex.split(command)
        if words[:2] == ["python", "-m"]:
            package, _, module = words[2].partition(".")
            assert package in provenance.OURS, command
            assert package != "benchmarks" or module in modules, command
        else:
            assert words[0] == "supertrainer", command
            assert words[1] in names, command
