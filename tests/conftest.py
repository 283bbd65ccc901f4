"""Shared fixtures: real data where it is to be had, the bundled digits everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings

import supertrainer
from reproduce import Candidate, Dataset, UserError, load
from reproduce.scoring.fidelity import Fidelity
from reproduce.scoring.network import Network

Call = Callable[[str, Path], tuple[int, str, str]]
Refusal = Callable[[str, Path], str]

# The suite sees the same examples everywhere; `make fuzz` looks for new ones, and for longer.
settings.register_profile("suite", max_examples=300, deadline=None, derandomize=True)
settings.register_profile("fuzz", max_examples=10_000, deadline=10_000)  # milliseconds
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-mnist", action="store_true", help="fail where MNIST is missing")
    parser.addoption("--full-mnist", action="store_true", help="check full MNIST, too: hours")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist(request: pytest.FixtureRequest) -> Dataset:
    try:
        return load("mnist")
    except UserError as error:
        if request.config.getoption("--require-mnist"):
            pytest.fail(f"MNIST is required here: {error}")
        pytest.skip("no MNIST: set SUPERTRAINER_DATA to a folder that holds it")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture
def ten(digits: Dataset) -> Candidate:
    """Ten bundled digits, one of each class."""
    from reproduce.essay.draws import rmnist

    return rmnist(digits, 1)


@pytest.fixture
def short_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are trained for two epochs in this process: for tests that ask for no accuracy."""
    whole = Network.training

    def short(self: Network, *given: Any) -> Any:
        return whole(self.reduced(Fidelity(epochs=2)), *given)

    monkeypatch.setattr(Network, "training", short)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "mnist" in getattr(item, "fixturenames", ()):
            item.add_marker("mnist")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in a folder, in this process: exit code, standard output and error."""

    def run(arguments: str, folder: Path) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SUPERTRAINER_DATA", "")
        monkeypatch.setattr(sys, "argv", ["supertrainer", *arguments.split(" ")])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            supertrainer.main()
        return (int(ended.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture
def refusal(call: Call) -> Refusal:
    """Runs a command that has to end in one line of error and exit code 2: that line."""

    def run(arguments: str, folder: Path) -> str:
        code, out, err = call(arguments, folder)
        lines = [line for line in err.splitlines() if line.startswith("error:")]
        assert code == 2, err
        assert err.splitlines()[-1:] == lines, err
        assert lines[0].isprintable()
        assert "Traceback" not in err
        assert out == ""
        return lines[0]

    return run
