"""It runs anywhere: other systems, narrow terminals, no installation, read-only folders."""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import pytest

import reproduce
import supertrainer
from reproduce import Candidate, Dataset, Oracle
from reproduce.support import jit, provenance
from reproduce.support.threads import cores

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reproduce", "search", "distill", "analysis")
CODE = [path for name in (*PACKAGES, "benchmarks") for path in sorted((ROOT / name).rglob("*.py"))]
CODE += sorted(ROOT.glob("*.py"))
# What Windows or macOS lack, of the modules that every system has; and modules that Windows lacks.
ABSENT = {
    "os": {
        *("fork", "forkpty", "getuid", "geteuid", "getgid", "getpgid", "killpg"),
        *("mkfifo", "mknod", "nice", "sched_getaffinity", "sched_setaffinity"),
        *("setpgid", "setsid", "statvfs", "sync", "uname", "wait", "O_NONBLOCK", "O_BINARY"),
        *("chown", "fchmod", "fchown", "lockf", "posix_fallocate", "set_blocking", "pidfd_open"),
    },
    "signal": {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGALRM", "SIGSTOP", "alarm"},
    "time": {"tzset", "clock_gettime"},
    "sys": {"getwindowsversion"},
}
MODULES = {"fcntl", "grp", "msvcrt", "pwd", "resource", "syslog", "termios", "winreg"}
BINARY_ELSE = {"TemporaryFile", "NamedTemporaryFile"}
OPENS = {"open", "fdopen", *BINARY_ELSE}


def name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def in_locale(call: ast.Call) -> bool:
    """Whether a call reads or writes text in whatever encoding the system has."""
    given = {keyword.arg for keyword in call.keywords}
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    texts += [k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)]
    if name(call.func) in {"run", "Popen", "check_output"}:
        return bool({"text", "universal_newlines"} & given) and "encoding" not in given
    if name(call.func) in {"read_text", "write_text"}:
        return "encoding" not in given
    if name(call.func) not in OPENS or "encoding" in given:
        return False
    modes = [text for text in texts if set(text) <= set("rwaxbt+")]
    if isinstance(call.func, ast.Attribute) and name(call.func) == "open" and not modes:
        return name(call.func.value) in {"path", "file", "document"}  # others open no file
    if name(call.func) in BINARY_ELSE and not modes:
        return False
    return not any("b" in mode for mode in modes)


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_names_its_encoding_and_uses_what_every_system_has(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    guarded = {
        call.args[1].value
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and name(call.func) in {"hasattr", "getattr"}
        if isinstance(call.args[1], ast.Constant)
    }
    tree = ast.parse(text)
    caught = {node for part in ast.walk(tree) if isinstance(part, ast.Try) for node in part.body}
    for node in ast.walk(tree):
        where = f"{path.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call):
            assert not in_locale(node), f"{where}: say encoding='utf-8'"
        elif isinstance(node, ast.Attribute):
            absent = ABSENT.get(name(node.value), set()) - guarded
            assert node.attr not in absent, f"{where}: not on every system"
        elif isinstance(node, ast.Import) and node not in caught:
            assert not {alias.name for alias in node.names} & MODULES, f"{where}: not everywhere"


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text()",
        "here.write_text(text)",
        "open(a)",
        "path.open('a+')",
        "path.open()",
        "subprocess.run(command, text=True)",
        "tempfile.NamedTemporaryFile('w')",
    ],
)
def test_the_check_of_encodings_finds_what_it_looks_for(line: str) -> None:
    told = line.replace(")", ", encoding='utf-8')").replace("(, ", "(")
    bad, good = (ast.parse(text).body[0].value for text in (line, told))  # type: ignore[attr-defined]
    assert in_locale(bad)
    assert not in_locale(good)


def test_cores_are_counted_on_every_system_and_in_containers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("joblib.externals.loky.backend.context._cpu_count_cgroup", lambda _: 1)
    assert cores() == 1  # a quota of one core
    monkeypatch.undo()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    assert cores() == 2


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
    ],
    ids=["version 2", "version 2, none", "version 1", "version 1, none"],
)
def test_the_quota_of_a_container_is_read_from_its_control_group(
    files: dict[str, str], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {f"/sys/fs/cgroup/{name}": text for name, text in files.items()}
    context = "joblib.externals.loky.backend.context"
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    with monkeypatch.context() as patched:
        patched.setattr(f"{context}.open", lambda name: io.StringIO(there[name]), raising=False)
        patched.setattr(os.path, "exists", there.__contains__)
        found = cores()
    assert found == count


def called(arguments: str, monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8") -> str:
    """What a command prints on a terminal of this encoding."""
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "argv", ["supertrainer", *arguments.split()])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding))
    with pytest.raises(SystemExit) as ended:
        supertrainer.main()
    assert not ended.value.code
    sys.stdout.flush()
    return printed.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "show ten.npz",
        "score ten.npz --protocol knn --workers 1",
        "score ten.npz --protocol knn --workers 1 --json",
        "compare ten.npz ten.npz --protocol knn --workers 1",
    ],
)
def test_a_narrow_terminal_loses_looks_and_nothing_else(
    ten: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, encoding: str
) -> None:
    monkeypatch.chdir(tmp_path)
    replace(ten, name="Zürich → ✓ ▓").save("ten.npz")
    printed = called(arguments, monkeypatch, encoding)
    assert "rich" in printed or "Usage" in printed
    if "--json" in arguments:
        assert json.loads(printed)[0]["name"] == "Zürich → ✓ ▓"


def test_a_clone_works_without_installation_and_without_arguments(
    digits: Dataset, ten: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(package: str) -> str:
        if package == "supertrainer":
            raise PackageNotFoundError
        return installed_version(package)

    monkeypatch.setattr(provenance, "version", version)
    monkeypatch.setattr(sys, "argv", [])
    provenance.versions.cache_clear()
    try:
        candidate = replace(ten, command=provenance.command(), versions=provenance.versions())
        (record,) = Oracle(digits, workers=1).score(candidate, "knn", [0])
    finally:
        provenance.versions.cache_clear()
    assert candidate.versions["supertrainer"] == record["versions"]["supertrainer"] == "unknown"
    assert Candidate.load(candidate.save(tmp_path / "ten.npz")) == candidate


def plus_one(x: float) -> float:
    return x + 1


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither the code's folder nor the user's may be written to; temporary files lie here."""

    def refuse(self: Any) -> None:
        raise PermissionError

    for locator in ("InTreeCacheLocator", "UserWideCacheLocator"):
        monkeypatch.setattr(f"numba.core.caching.{locator}.ensure_cache_path", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_compiled_code_is_kept_where_it_can_be(read_only: Path) -> None:
    compiled = jit.njit()(plus_one)
    assert compiled(1.0) == 2
    place = Path(compiled.stats.cache_path)
    assert place.parent.parent == read_only
    assert any(place.iterdir())
    if os.name == "posix":
        assert place.parent.stat().st_mode & 0o777 == 0o700


def test_compiled_code_is_not_read_from_a_folder_of_others(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = jit._temporary_folder()
    assert folder is not None
    if os.name == "posix":
        folder.chmod(0o777)
        assert jit._temporary_folder() is None
        folder.rmdir()
        folder.symlink_to(read_only)
        assert jit._temporary_folder() is None
        folder.unlink()
    folder.write_bytes(b"")
    assert jit._temporary_folder() is None
    compiled = jit.njit()(plus_one)
    assert compiled(1.0) == 2
    assert compiled.stats.cache_path is None


def test_packages_say_that_they_are_typed_and_list_their_names() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert "py.typed" in settings["setuptools"]["package-data"]["*"]
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists()
    assert set(reproduce.__all__) <= set(dir(reproduce))
    for public in reproduce.__all__:
        assert getattr(reproduce, public) is not None


def test_the_command_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    known = provenance.versions()["supertrainer"]
    assert called("--version", monkeypatch) == f"supertrainer {known}\n"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("se", "search"),
        ("search --me", "--method"),
        ("random-curve --n", "--n"),
        ("--ver", "--version"),
    ],
)
def test_the_shell_completes_commands_and_their_options(
    monkeypatch: pytest.MonkeyPatch, typed: str, expected: str
) -> None:
    monkeypatch.setenv("_SUPERTRAINER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"supertrainer {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split())))
    assert expected in called("", monkeypatch).split()


def test_the_shell_is_told_how_to_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever shell runs the tests: `make` may run them by one that knows no completion."""
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    assert "_SUPERTRAINER_COMPLETE" in called("--show-completion bash", monkeypatch)
