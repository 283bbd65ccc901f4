"""Benchmarks of distillations on the bundled digits: they go on where they were."""

import json
from pathlib import Path

import optuna
import pytest

from analysis.figures import curves
from analysis.tables import distill as distill_tables
from benchmarks.compare import distill_methods, distill_tuned, universality
from distill import DistillConfig
from distill.methods import find
from reproduce import UserError

RESULTS = Path("results")
TINY = {"width": 4, "inner_steps": 5}
LEARNING = {"batch": 32, "pool": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_distill_methods_and_ablation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, cases in distill_methods.TABLES.items():
        small_cases = {
            k: {**v, **TINY} | (LEARNING if find(v.get("method", "krr")).stages else {})
            for k, v in cases.items()
        }
        monkeypatch.setitem(distill_methods.TABLES, name, small_cases)
    small = {"minutes": 0.01, "seeds": 2, "checks": 1, "threads": 1, "workers": 1}
    distill_methods.compare(table="methods", only="kmeans; krr", dataset="digits", **small)
    distill_methods.compare(table="ablation", only="krr; hard labels", dataset="digits", **small)
    before = Path("results/benchmarks/distill-methods-ipc1.json").read_text()
    distill_methods.compare(table="methods", only="kmeans; krr", dataset="digits", **small)
    assert Path("results/benchmarks/distill-methods-ipc1.json").read_text() == before
    table = distill_tables.methods(RESULTS).rows
    assert {line[1] for line in table} == {"kmeans", "krr"}
    changes = {line[1]: line[-1] for line in distill_tables.ablation(RESULTS).rows}
    assert changes["krr"] == "–"
    assert "±" in changes["hard labels"]
    with pytest.raises(UserError, match="unknown row"):
        distill_methods.compare(table="ablation", only="guess", dataset="digits", **small)
    with pytest.raises(UserError, match="unknown table"):
        distill_methods.compare(table="guess", dataset="digits", **small)
    assert curves.distill_methods(RESULTS) is not None


def test_tuned_methods_go_on_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same trials, whether they were interrupted or not, and runs with the best of them."""
    monkeypatch.setattr(distill_tuned, "FIELD", "knn")
    given: dict[str, object] = {"trials": 4, "minutes": 0.005, "whole": 0.01, "repetitions": 2}
    given |= {"seeds": 2, "only": "kip", "dataset": "digits", "workers": 1}
    distill_tuned.tune(**given)
    path = Path("results/benchmarks/distill-tuned-ipc1.json")
    content = json.loads(path.read_text())
    trials = [row for row in content["rows"] if row["kind"] == "trial"]
    assert [row["settings"] for row in trials if not row["settings"]] == [{}]
    last = content["rows"].index(trials[-1])
    path.write_text(json.dumps({**content, "rows": content["rows"][:last]}))
    distill_tuned.tune(**given)
    again = json.loads(path.read_text())["rows"]
    assert [row["settings"] for row in again[:4]] == [row["settings"] for row in trials]
    best = max(again[:4], key=lambda row: row["accuracy"])
    assert [row["settings"] for row in again[4:]] == [best["settings"]] * 2
    assert [len(row["own"]) for row in again[4:]] == [1] * 2  # nothing is random in kernels


@pytest.mark.parametrize("method", distill_tuned.SPACES)
def test_the_settings_of_each_method_lie_in_its_space(method: str) -> None:
    settings = distill_tuned.own_settings(method)
    space = distill_tuned.SPACES[method]
    optuna.trial.create_trial(params=settings, distributions=space, value=0.0)
    DistillConfig(method, **settings)


def test_sets_for_one_learner_and_for_all_are_scored_under_each() -> None:
    given: dict[str, object] = {"learners": "mlp,knn", "minutes": 0.005, "seeds": 2}
    universality.compare(**given, dataset="digits", workers=1)
    path = Path("results/benchmarks/universality-ipc1.json")
    before = path.read_text()
    universality.compare(**given, dataset="digits", workers=1)
    assert path.read_text() == before
    table = distill_tables.universality(RESULTS)
    assert [len(row) for row in table.rows] == [len(table.head)] * 3
    assert table.rows[0][0] == "all of them"
