"""Benchmarks on the bundled digits: they go on where they were, and documents can show them."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmarks
import supertrainer_final
from analysis.figures import curves
from analysis.tables import choices, documents, final, oracle, scores
from analysis.tables import search as search_tables
from benchmarks import rows as benchmark_rows
from benchmarks.compare import (
    architectures,
    protocols,
    search_choice,
    search_methods,
    search_rules,
)
from benchmarks.speed import essay_net
from distill import DistillConfig, distill
from reproduce import Candidate, Dataset, UserError
from reproduce.recipe import Recipe
from reproduce.records import read
from search import rivals

RESULTS = Path("results")
HOME = Path(benchmarks.__file__).parent
COMMANDS = [path for path in sorted(HOME.glob("*/*.py")) if "__main__" in path.read_text("utf-8")]
# Tables of what benchmarks measure, of which some may not have run yet.
MEASURED = (
    *("search-rules", "search-ideas", "search-choice", "search-plateau"),
    *("search-methods", "search-stages", "search-swap", "cross-protocol", "cross-architecture"),
    *(
        "distill-methods",
        "distill-ablation",
        "distill-cost",
        "distill-memory",
        "distill-runs",
    ),
    *("final", "final-searched", "final-distilled"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def distilled(digits: Dataset) -> Candidate:
    config = DistillConfig(method="means", width=4, inner_steps=5)
    return distill(digits, config, name="distilled")


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_benchmarks_say_what_they_do_without_running(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"benchmarks.{path.parent.name}.{path.stem}"
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module(name, run_name="__main__")
    assert "Usage" in capsys.readouterr().out
    assert not Path("results").exists()


def test_rows_are_kept_and_other_settings_refused() -> None:
    benchmark_rows.Rows("some", ipc=1).add(name="a", value=2)
    again = benchmark_rows.Rows("some", ipc=1)
    assert again.has(name="a")
    assert not again.has(name="a", value=3)
    with pytest.raises(UserError, match="move it away"):
        benchmark_rows.Rows("some", ipc=2)


def test_search_methods_at_equal_time() -> None:
    def measure(only: str) -> None:
        search_methods.methods(
            protocol="knn", budget="1s", repetitions=2, only=only, dataset="digits", workers=1
        )

    measure("random")
    before = json.loads(Path("results/benchmarks/search-methods-ipc1.json").read_text())["rows"]
    measure("random; swap")
    after = json.loads(Path("results/benchmarks/search-methods-ipc1.json").read_text())["rows"]
    assert after[:2] == before
    for row in after:
        scores = [score for _, score in row["curve"]]
        assert scores == sorted(scores)
        assert scores[-1] == pytest.approx(row["search"], abs=1e-3)
    found = search_tables.methods(RESULTS)
    head, table = found.head, found.rows
    assert [len(line) for line in table] == [len(head)] * 2
    assert table[0][-1].endswith("(2)")
    assert curves.search_methods(RESULTS) is not None
    with pytest.raises(UserError, match="unknown row"):
        measure("guess")


def test_ideas_at_an_equal_number_of_sets() -> None:
    """Beside `thompson` in the same runs, through the choice among finalists."""
    search_methods.methods(
        **{"table": "ideas", "protocol": "knn", "budget": "8", "repetitions": 2, "tops": 2},
        **{"only": "thompson; unbalanced", "dataset": "digits", "workers": 1},
    )
    table = search_tables.ideas(RESULTS).rows
    assert {(line[1], line[2], line[5]) for line in table} == {
        ("thompson", 8, 2),
        ("unbalanced", 8, 2),
    }
    assert [line[6] for line in table if line[1] == "thompson"] == ["–"]
    with pytest.raises(UserError, match="unknown table"):
        search_methods.methods(table="guess", dataset="digits", workers=1)


def test_ways_to_choose_are_scored_alike_and_the_best_sets_anew() -> None:
    given = {"best": 4, "seeds": 2, "repetitions": 2, "dataset": "digits", "workers": 1}
    search_choice.choice(protocol="tree", sets=6, **given)
    ways = choices.ways(RESULTS)
    assert [row[2] for row in ways.rows] == ["the model alone", "finalists", "rungs and finalists"]
    assert [row[6] for row in ways.rows][1] == "–"
    (row,) = choices.plateau(RESULTS).rows
    assert (row[1], row[2], row[-1]) == (6, 4, 2)


def test_the_spread_of_sets_is_what_networks_do_not_explain() -> None:
    rng = np.random.default_rng(0)
    sets = rng.normal(80, 2, (400, 1))
    assert choices._between(sets + rng.normal(0, 3, (400, 5))) == pytest.approx(2, abs=0.3)
    assert choices._between(80 + rng.normal(0, 3, (400, 5))) < 0.6


def test_rules_side_by_side() -> None:
    """Ones that draw at random have several sets, others one set, more networks of which count."""
    given = {"protocol": "tree", "draws": 2, "networks": 2, "dataset": "digits", "workers": 1}
    search_rules.rules(only="random; nearest-mean", **given)
    table = {line[1]: line for line in search_tables.rules(RESULTS).rows}
    assert table["random"][4] == "2 sets"
    assert table["nearest-mean"][4] == "4 networks"


def test_mean_curves_are_means_of_steps() -> None:
    times, values = curves.mean_curve([[(1.0, 10.0), (3.0, 20.0)], [(2.0, 30.0)]])
    assert times[0] == pytest.approx(2)
    assert values[0] == pytest.approx(20)
    assert values[-1] == pytest.approx(25)


def test_cross_architecture_counts_each_network_once(
    distilled: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"its own": {}, "the same": {}, "narrow": {"widths": (), "width": 4}}
    monkeypatch.setattr(architectures, "VARIANTS", changes)
    architectures.cross(files=[distilled.save("d.npz")], seeds=2, workers=1)
    (row,) = json.loads(Path("results/benchmarks/cross-architecture.json").read_text())["rows"]
    assert [len(row["accuracies"][name]) for name in changes] == [2, 2, 2]
    assert row["accuracies"]["its own"] == row["accuracies"]["the same"]
    found = scores.cross_architecture(RESULTS)
    head, table = found.head, found.rows
    assert head == ["network, n = 2", "distilled"]
    assert len(table) == 3


def test_every_variant_is_a_recipe(distilled: Candidate, ten: Candidate) -> None:
    made = architectures.variants(distilled)
    assert all(isinstance(variant.recipe, Recipe) for variant in made.values())
    with pytest.raises(UserError, match="carries no recipe"):
        architectures.variants(ten)


def test_cross_protocol_sets_the_simple_ones_beside(digits: Dataset, ten: Candidate) -> None:
    found = rivals.random_sets(digits, (1,) * 10, 1)[0].renamed("found")
    protocols.cross(files=[found.save("found.npz")], seeds=2, protocols="knn,tree", workers=1)
    found = scores.cross_protocol(RESULTS)
    head, table = found.head, found.rows
    assert head == ["set", "ipc", "knn", "tree"]
    names = [line[0] for line in table]
    assert {"found", "nearest mean"} <= set(names)
    assert "±" not in table[0][2]
    assert "±" in table[0][3]


def test_cross_protocol_scores_the_given_sets_alone(digits: Dataset, ten: Candidate) -> None:
    path = ten.renamed("found").save("found.npz")
    protocols.cross(files=[path], seeds=1, protocols="knn", rivals=False, workers=1)
    assert [line[0] for line in scores.cross_protocol(RESULTS).rows] == ["found"]


def test_random_sets_do_not_depend_on_their_number(digits: Dataset) -> None:
    few, more = (rivals.random_sets(digits, (2,) * 10, count) for count in (2, 3))
    for a, b in zip(few, more, strict=False):
        np.testing.assert_array_equal(a.indices, b.indices)
        assert np.bincount(a.labels).tolist() == [2] * 10


def test_test_is_read_once(
    digits: Dataset, distilled: Candidate, capsys: pytest.CaptureFixture[str]
) -> None:
    random_set = rivals.random_sets(digits, (1,) * 10, 9)[8]
    found = replace(random_set, name="found", role="searched", made_for=("knn",))
    files = [found.save("found.npz"), distilled.save("distilled.npz")]
    small = {"seeds": 3, "strong": 0, "random": 4, "workers": 1}
    supertrainer_final.final(files=files, **small)
    assert not RESULTS.exists()  # a rehearsal
    assert capsys.readouterr().out.endswith(f"Records: {Path('runs/final.jsonl').resolve()}\n")
    supertrainer_final.final(files=files, split="test", **small)
    log = Path("results/test/test-readings.jsonl")
    readings = log.read_text()
    supertrainer_final.final(files=files, split="test", **small)
    assert log.read_text() == readings
    searched, made = final.chosen(RESULTS).rows, final.distilled(RESULTS).rows
    assert [line[0] for line in made] == ["distilled"]
    assert made[0][-1] == "3 networks"
    random = next(line for line in searched if line[0].startswith("random sets"))
    assert random[-1] == "4 sets"
    assert {"found", "nearest mean"} <= {line[0] for line in searched}
    found = final.overview(RESULTS)
    head, short = found.head, found.rows
    assert head[2:] == ["knn", "own"]
    assert {line[0] for line in short} >= {"random sets", "the essay's draw", "distilled"}
    chosen = [r for r in read(RESULTS / "test/records.jsonl") if r["split"] != "test"]
    assert {(r["role"], r["split"]) for r in chosen} == {("simple rule", "validation-a")}
    assert {r["seed"] for r in chosen} == {500}  # once: nothing is random in knn
    strongest = next(line for line in short if line[0] == "the strongest simple rule")
    assert strongest[2].endswith(max(chosen, key=lambda record: record["accuracy"])["name"])


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(UserError, match="no candidates"):
        supertrainer_final.final()


def test_nothing_measured_is_a_head_without_rows() -> None:
    for mark in MEASURED:
        table = documents.TABLES[mark](RESULTS)
        assert table.head
        assert table.rows == []
    assert curves.distill_runs(RESULTS) is None


def test_the_essays_net_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(essay_net, "ROUNDS", 1)
    monkeypatch.setattr(essay_net, "IMAGES", 20)
    rows = [
        essay_net.row("step", 2, essay_net.steps(2)),
        essay_net.row("evaluation", 2, essay_net.evaluations(2)),
    ]
    benchmark_rows.write("essay-net", rounds=1, batch=10, images=20, rows=rows)
    step, evaluation = oracle.essay_net(RESULTS).rows
    assert [step[1], evaluation[3]] == [2, "–"]
