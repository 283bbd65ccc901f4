"""The page: what it holds, and where its numbers come from."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from analysis import finalists, league, lessons, measures, sections
from analysis.league import leagues
from analysis.plots import some_of_each
from analysis.report import write_report
from analysis.results import Results, collect
from analysis.trace import Traces
from reproduce import Candidate, Dataset, Oracle, UserError, essay


def test_equal_results_give_equal_bytes(report: Path, folder: Path, tmp_path: Path) -> None:
    again = write_report(tmp_path, collect([folder]), "Test & <tags>")
    assert again.read_bytes() == report.read_bytes()
    for kind, ending in (("figures", "svg"), ("tables", "csv")):
        names = sorted(path.name for path in (report.parent / kind).glob(f"*.{ending}"))
        assert len(names) > 5
        for name in names:
            assert (tmp_path / kind / name).read_bytes() == (
                report.parent / kind / name
            ).read_bytes()


def test_page_is_one_file_that_fetches_nothing(report: Path) -> None:
    text = report.read_text()
    assert len(text) < 8e6
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", text)
    assert not re.search(r"url\((?!#)", text)
    assert "Test &amp; &lt;tags&gt;" in text
    assert "means </script>" not in text


def test_every_number_points_to_its_records(report: Path, folder: Path) -> None:
    text = report.read_text()
    traces = json.loads(re.search(r'id="traces">(.*?)</script>', text)[1])
    numbers = [int(place) for place in re.findall(r'class="num" data-trace="(\d+)"', text)]
    assert len(numbers) > 50
    assert set(numbers) <= set(range(len(traces)))
    for trace in traces:
        assert trace.get("source") or (trace["commands"] and trace["files"])
    assert sum("values" in trace and len(trace["values"]) > 1 for trace in traces) > 20
    for figure in re.findall(r'<figure class="exhibit".*?</figure>', text, re.DOTALL):
        assert figure.count('data-trace="') >= 2  # the figure, and a button for the keyboard


def test_league_says_what_the_records_say(folder: Path) -> None:
    results, traces = collect([folder]), Traces()
    (found,) = leagues(results.records, traces)
    row = next(row for row in found.rows if row.name.startswith("means"))
    ours = [r for r in results.records if r["name"] == row.name and r["protocol"] == "own"]
    values = [record["accuracy"] for record in ours]
    assert row.cells["own"].interval.mean == pytest.approx(np.mean(values))
    assert traces.entries()[row.cells["own"].trace]["values"] == [round(v, 2) for v in values]
    randoms = next(row for row in found.rows if row.kind == "random")
    assert (randoms.sets, randoms.cells["tree"].interval.n) == (3, 3)
    assert all(row.kind != "published" for row in found.rows)  # those are about MNIST


def test_storage_budgets_stay_out_of_the_league(ten, digits: Dataset) -> None:
    records = Oracle(digits, workers=1).score(ten, "knn", [0])
    as_mnist = [{**record, "dataset": "mnist", "method": "search swap"} for record in records]
    (found,) = leagues(as_mnist, Traces())
    published = {row.name for row in found.rows if row.kind == "published"}
    storage = {number.method for number in league.literature() if number.budget == "storage"}
    assert "RCIG" in published
    assert storage
    assert not published & storage


def test_finalists_stay_out_of_the_league(ten: Candidate, digits: Dataset) -> None:
    """A search's choice among its finalists is corrected, and shown beside fresh seeds."""
    rivals = [measures.random_set(digits, 1, number) for number in range(3)]
    named = [rival.renamed("s, one of the best") for rival in rivals]
    oracle = Oracle(digits, workers=1)
    scored = oracle.score_many(named, "tree", range(3))
    means = {r["candidate"]: [] for r in scored}
    for record in scored:
        means[record["candidate"]].append(record["accuracy"])
    winner = max(rivals, key=lambda rival: np.mean(means[rival.hash]))
    fresh = oracle.score(winner.renamed("s"), "tree", range(10, 14))
    traces = Traces()
    (found,) = leagues([*scored, *fresh], traces)
    assert [(row.name, row.cells["tree"].interval.n) for row in found.rows] == [("s", 4)]
    (choice,) = finalists.choices([*scored, *fresh], traces)
    assert (choice.name, choice.best.k, choice.fresh.interval.n) == ("s", 3, 4)
    assert choice.chosen.interval.mean == pytest.approx(max(map(np.mean, means.values())))
    assert float(choice.corrected.text) <= round(choice.chosen.interval.mean, 2)
    assert len(traces.entries()[choice.corrected.trace]["values"]) == 9


def test_headline_is_of_test_beside_the_best_random_sets(digits: Dataset) -> None:
    """Whatever was read on test comes first, and all that random images reach there beside it."""
    made = essay.rmnist(digits, 1, "table").renamed("made")
    made = dataclasses.replace(made, method="search swap")
    drawn, oracle = essay.rmnist(digits, 1), Oracle(digits, workers=1)
    records = oracle.score(made, "knn", [0]) + oracle.score(drawn, "svm-rbf", [0])
    first = [{**record, "split": "test"} for record in records]
    lucky = [{**records[0], "protocol": "svm-rbf", "accuracy": 99.0}]
    weak = [{**first[0], "method": "random", "name": "random sets", "accuracy": 1.0}]
    found = leagues([*first, *lucky, *weak], Traces())
    best = league.best_row(found)
    assert best is not None
    assert (best.name, best.split) == ("made", "test")
    results = Results(candidates={made.hash: made}, paths={made.hash: "made.npz"})
    headline = sections.headline(results, found, best)
    assert headline is not None
    assert (headline.protocol, headline.random_protocol) == ("knn", "knn")
    assert headline.random.interval.mean == 1.0
    without = sections.headline(results, leagues([*first, *lucky], Traces()), best)
    assert without is not None
    assert without.random_protocol == "svm-rbf"


def test_other_networks_are_a_matrix_with_their_origin(folder: Path, tmp_path: Path) -> None:
    origin = {"split": measures.SPLIT, "seeds": [0, 1], "command": "cross FILE", "commit": "c"}
    rows = [
        {"candidate": name, "name": name, "accuracies": {"own": [90, 92], "MLP": [40, low]}}
        | origin
        for name, low in (("first", 50), ("second", 20))
    ]
    path = tmp_path / "cross-architecture.json"
    path.write_text(json.dumps({"settings": {}, "rows": rows}))
    traces = Traces()
    results = collect([folder, tmp_path])
    (found,) = lessons.architectures(results, traces)
    assert found.head == ["network", "first", "second"]
    network, first, second = found.rows[1]
    assert (network, first.interval.mean, second.interval.mean) == ("MLP", 45, 30)
    assert traces.entries()[second.trace]["files"] == [str(path)]
    assert lessons.architectures(collect([folder]), traces) == []


def test_large_sets_are_shown_evenly(digits: Dataset) -> None:
    fifty = essay.rmnist(digits, 5)
    assert np.bincount(fifty.labels[some_of_each(fifty, 20)]).tolist() == [2] * 10
    assert sorted(some_of_each(fifty, 500)) == list(range(50))


def test_collect_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        collect([tmp_path / "none"])
    (tmp_path / "x.npz").write_text("x")
    with pytest.raises(UserError, match="no records and no candidates"):
        collect([tmp_path])
    with pytest.raises(UserError, match="not a readable candidate"):
        collect([tmp_path / "x.npz"])


def test_seeds_are_no_replicates_where_nothing_is_random(digits: Dataset, tmp_path: Path) -> None:
    """Scored for three purposes, from seeds of their own, into files of their own."""
    ten = essay.rmnist(digits, 1).renamed("ten")
    finalist = ten.renamed(f"ten{finalists.ENDING}")
    for seed, candidate in ((0, ten), (500, finalist), (1000, ten)):
        oracle = Oracle(digits, tmp_path / f"{seed}.jsonl", workers=1)
        for protocol in ("knn", "tree"):
            oracle.score(candidate, protocol, range(seed, seed + 2))
    kept = [(record["protocol"], record["name"]) for record in collect([tmp_path]).records]
    assert sorted(set(kept)) == [(p, c.name) for p in ("knn", "tree") for c in (ten, finalist)]
    assert [kept.count((p, "ten")) for p in ("knn", "tree")] == [1, 4]


def test_page_of_records_alone(folder: Path, tmp_path: Path) -> None:
    text = write_report(tmp_path, collect([folder / "records.jsonl"])).read_text()
    assert 'id="league"' in text
    assert 'id="live"' not in text


def test_page_sets_ours_beside_published(mnist: Dataset, tmp_path: Path) -> None:
    Oracle(mnist, tmp_path / "r.jsonl", workers=1).score(essay.rmnist(mnist, 1), "knn", [0])
    text = write_report(tmp_path / "page", collect([tmp_path / "r.jsonl"])).read_text()
    cells = re.search(r"<td>knn</td><td>(<button[^>]*>41.85</button></td><td>){2}exact", text)
    assert cells
