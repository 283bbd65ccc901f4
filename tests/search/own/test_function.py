"""Functions as oracles: what tells one from another, and what they may answer."""

from __future__ import annotations

import functools
import importlib.util
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from reproduce import Candidate, Dataset, UserError
from reproduce.data import ImageSet
from reproduce.support.identity import UnknownIdentityError, identity
from search import FunctionOracle, SearchConfig, search
from search.own.function import function_named

MODULE = '''
WEIGHT = 0.5
calls = []

class Net:
    width = 3

    def answer(self, x):
        return x + 1

def helper(x):
    return x * WEIGHT

def score(candidate, seed, images, bonus=1):
    """Scores."""
    calls.append(seed)  # state, not code
    return helper(seed) + Net().answer(bonus) + (seed in {"a", "b", "c"})
'''
EDITS = {
    "a constant": ("WEIGHT = 0.5", "WEIGHT = 0.6"),
    "a helper": ("return x * WEIGHT", "return x + WEIGHT"),
    "a class": ("return x + 1", "return x + 2"),
    "a class's setting": ("width = 3", "width = 4"),
    "a default": ("bonus=1", "bonus=2"),
    "the function": ("helper(seed) +", "helper(seed) -"),
    "a constant of the function": ('"c"}', '"d"}'),
}
SAME = {
    "a comment": ("# state, not code", "# other words"),
    "lines": ("def helper", "\n\n\ndef helper"),
    "state": ("calls = []", "calls = [1, 2]"),
}


def module(folder: Path, text: str, name: str = "mine") -> ModuleType:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    exec(compile(text, str(folder / f"{name}.py"), "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("edit", [*EDITS, *SAME])
def test_an_edited_function_is_another_one(tmp_path: Path, edit: str) -> None:
    old, new = (EDITS | SAME)[edit]
    assert MODULE.count(old) == 1
    before = identity(module(tmp_path / "a", MODULE).score)
    after = identity(module(tmp_path / "b", MODULE.replace(old, new)).score)
    assert (before != after) == (edit in EDITS)


def made(number: float, values: Any = ()) -> Callable[..., float]:
    def score(candidate: Candidate, seed: int, images: ImageSet) -> float:
        return number + len(values)

    return score


def plain(candidate: Candidate, seed: int, images: ImageSet, weight: Any = 1.0) -> float:
    return 50.0


def again(candidate: Candidate, seed: int, images: ImageSet) -> float:
    return again(candidate, seed - 1, images) if seed else 0.0


def test_lambdas_partials_and_closures_are_told_apart() -> None:
    pairs: list[tuple[Callable, Callable]] = [
        (lambda c, s, i: 1.0, lambda c, s, i: 2.0),
        (functools.partial(plain, weight=1.0), functools.partial(plain, weight=2.0)),
        (functools.partial(plain, weight=np.ones(3)), functools.partial(plain, weight=np.ones(4))),
        (functools.partial(plain, weight=1), functools.partial(plain, weight=1.0)),
        (made(1.0), made(2.0)),
        (made(1.0, [1, 2]), made(1.0, [2, 1])),
        (made(1.0, {"a": made(1.0)}), made(1.0, {"a": made(2.0)})),
        (made(1.0, ImageSet(np.zeros((1, 1, 2, 2), np.float32), np.zeros(1, int))), made(1.0)),
    ]
    for one, other in pairs:
        assert identity(one) != identity(other)
        assert identity(one) == identity(one)
    assert identity(made(1.0, {"a", "b"})) == identity(made(1.0, {"b", "a"}))
    assert len(identity(again)) == 8


class Scorer:
    def __call__(self, candidate: Candidate, seed: int, images: ImageSet) -> float:
        return 1.0

    def score(self, candidate: Candidate, seed: int, images: ImageSet) -> float:
        return 1.0


def given(number: object) -> Callable[..., float]:
    return functools.partial(plain, weight=number)


def test_what_cannot_be_told_apart_needs_a_version(digits: Dataset, ten: Candidate) -> None:
    unknown = [Scorer(), Scorer().score, given(object()), given(torch.nn.Linear(1, 1)), given(open)]
    for function in unknown[:4]:
        with pytest.raises(UserError, match="version"):
            FunctionOracle(digits, function)
    with pytest.raises(UnknownIdentityError):
        identity(Scorer())
    with pytest.raises(UserError, match="cannot be called as"):
        FunctionOracle(digits, len)  # type: ignore[arg-type]
    record = FunctionOracle(digits, Scorer(), version="2").score(ten, "any", [0])[0]
    assert record["plan"] == "version 2"
    assert record["protocol"].endswith("Scorer")


def test_an_edited_function_shares_neither_records_nor_study(
    digits: Dataset, ten: Candidate, tmp_path: Path
) -> None:
    path, config = tmp_path / "records.jsonl", SearchConfig(method="random", budget="4")
    first, second = (made(1.0), made(2.0))
    for function, expected in ((first, 1.0), (second, 2.0), (first, 1.0)):
        oracle = FunctionOracle(digits, function, path)
        assert oracle.score(ten, "any", [0])[0]["accuracy"] == expected
    assert len(path.read_text().splitlines()) == 2
    list(search(FunctionOracle(digits, first), config, "s", tmp_path / "journal"))
    with pytest.raises(UserError, match="other settings: oracle"):
        list(search(FunctionOracle(digits, second), config, "s", tmp_path / "journal"))
    list(search(FunctionOracle(digits, first), config, "s", tmp_path / "journal"))


def test_a_changed_plan_needs_another_study(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    from reproduce import Oracle, protocols
    from reproduce.scoring.classifier import Classifier

    config = SearchConfig(protocol="knn", method="random", budget="2", batch=2, search_seeds=1)
    list(search(Oracle(digits, workers=1), config, "s", tmp_path / "journal"))
    other = Classifier(lambda seed: KNeighborsClassifier(3))
    monkeypatch.setitem(protocols.PROTOCOLS, "knn", lambda candidate: other)
    with pytest.raises(UserError, match="other settings: oracle"):
        list(search(Oracle(digits, workers=1), config, "s", tmp_path / "journal"))


def raising(error: BaseException) -> Callable[..., float]:
    def score(candidate: Candidate, seed: int, images: ImageSet) -> float:
        raise error

    return score


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError


class Odd(float):
    def __float__(self) -> float:
        raise ValueError


BAD: list[tuple[object, str]] = [
    (None, "answered with NoneType;"),
    ("90", "answered with str '90';"),
    ("\x1b[31m" * 20, r"answered with str '\\x1b\[31m"),
    (math.nan, "answered with float nan;"),
    (-math.inf, "answered with float -inf;"),
    (np.float32("nan"), "answered with float32"),
    (np.ones(2), "answered with ndarray;"),
    (np.array(1.0), "answered with ndarray;"),
    (torch.tensor(1.0), "answered with Tensor;"),
    (True, "answered with bool True;"),
    (np.bool_(True), "answered with bool"),
    (1 + 0j, "answered with complex"),
    (10**400, "answered with int 1000"),
    (10**5000, "answered with int a very long"),
    (ValueError("\x1b[31mred"), r"failed: ValueError: \\x1b\[31mred"),
    ([1.0], "answered with list;"),
    (ValueError("bad\nthing"), r"failed: ValueError: bad thing \(test_function.py, line \d+\)"),
    (SystemExit(3), r"failed: SystemExit: 3 \(test_function.py"),
    (MuteError(), r"failed: MuteError \(test_function.py"),
    (RecursionError(), "failed: RecursionError"),
    (MemoryError(), "failed: MemoryError"),
    (GeneratorExit(), "failed: GeneratorExit"),
    (BaseException("base"), "failed: BaseException: base"),
    (Odd(7), "answered with Odd"),
    (1e308, r"answered with float 1e\+308; return a number of up to 1e\+100"),
]


@pytest.mark.parametrize(("answer", "words"), BAD, ids=lambda value: str(type(value).__name__))
def test_d_functions_that_answer_with_no_number_are_one_line(
    digits: Dataset, ten: Candidate, answer: object, words: str
) -> None:
    function = raising(answer) if isinstance(answer, BaseException) else lambda c, s, i: answer
    oracle = FunctionOracle(digits, function, version="1")
    with pytest.raises(UserError, match=words) as caught:
        oracle.score(ten, "any", [0])
    line = str(caught.value)
    assert line.startswith("function tests.search.own.test_function:")
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 400


@pytest.mark.parametrize("answer", [7, 7.0, np.float32(7), np.int64(7), np.float16(7), Fraction(7)])
def test_d_functions_may_answer_with_any_number(
    digits: Dataset, ten: Candidate, answer: object
) -> None:
    oracle = FunctionOracle(digits, lambda c, s, i: answer, version="1")
    assert oracle.score(ten, "any", [0])[0]["accuracy"] == 7.0


def test_d_functions_of_another_signature_are_refused_before_anything_runs(
    digits: Dataset,
) -> None:
    for wrong in (lambda: 1.0, lambda c: 1.0, lambda c, s, i, more: 1.0, lambda c, s, *, images: 1):
        with pytest.raises(
            UserError, match=r"cannot be called as score\(candidate, seed, images\)"
        ):
            FunctionOracle(digits, wrong)
    FunctionOracle(digits, lambda *anything: 1.0)
    FunctionOracle(digits, lambda c, s, i, more=1: 1.0)


def test_d_modules_of_oracles_that_cannot_be_had_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {
        "syntax_": "def score(:\n",
        "ends_": "import sys; sys.exit('no')",
        "fails_": "1 / 0",
        "value_": "score = 3",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    names = ["", ":", "a", "a:", ":a", ".a:b", "no.such:module", "json:nothing", "json:dumps.x"]
    for name in [*names, *(f"{module}:score" for module in texts)]:
        with pytest.raises(UserError, match="oracle") as caught:
            function_named(name)
        assert "\n" not in str(caught.value)
    assert function_named("json:JSONDecoder.decode").__name__ == "decode"
    assert "value_" in sys.modules


def test_epochs_of_a_function_are_refused(digits: Dataset, tmp_path: Path) -> None:
    config = SearchConfig(method="random", budget="2", epochs=5)
    with pytest.raises(UserError, match="knows nothing of epochs, members and width"):
        next(iter(search(FunctionOracle(digits, plain), config, "s", tmp_path / "s.journal")))
