"""The page: what it holds, and where its numbers come from."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.figures.pictures import span
from analysis.figures.transfer import architecture_charts
from analysis.measure import measures
from analysis.origins import Origins
from analysis.page.headline import headline, leader
from analysis.page.live import live_sets
from analysis.page.report import write_report
from analysis.results import Results, collect
from analysis.sources import sources_of
from analysis.tables import finalists, leaderboard
from analysis.tables.leaderboard import leaderboards
from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.essay import draws
from reproduce.images.deskew import deskew
from reproduce.known import MNIST_CHECKSUM
from reproduce.summary import panel_table, score_table
from tests.analysis.conftest import RECIPE


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
    assert len(text) < 5e6
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", text)
    assert not re.search(r"url\((?!#)", text)
    assert "Test &amp; &lt;tags&gt;" in text
    assert "means </script>" not in text


def test_every_number_points_to_its_records(report: Path, folder: Path) -> None:
    text = report.read_text()
    packed = re.search(r'id="origins">(.*?)</script>', text)[1]
    origins = json.loads(gzip.decompress(base64.b64decode(packed)))
    numbers = [int(place) for place in re.findall(r'class="num" data-origin="(\d+)"', text)]
    assert len(numbers) > 50
    assert set(numbers) <= set(range(len(origins)))
    for origin in origins:
        assert origin.get("source") or (origin["commands"] and origin["files"])
    assert sum("values" in origin and len(origin["values"]) > 1 for origin in origins) > 20
    for figure in re.findall(r'<figure class="chart".*?</figure>', text, re.DOTALL):
        assert figure.count('data-origin="') >= 2  # the figure, and a button for the keyboard


def test_leaderboard_says_what_the_records_say(folder: Path) -> None:
    results, origins = collect([folder]), Origins()
    (found,) = leaderboards(results, origins)
    row = next(row for row in found.rows if row.name.startswith("means"))
    ours = [r for r in results.records if r["name"] == row.name and r["protocol"] == "own"]
    values = [record["accuracy"] for record in ours]
    assert row.cells["own"].interval.mean == pytest.approx(np.mean(values))
    assert origins.entries()[row.cells["own"].origin]["values"] == [round(v, 2) for v in values]
    randoms = next(row for row in found.rows if row.kind == "random sets")
    assert (randoms.sets, randoms.cells["tree"].interval.n) == (3, 3)
    assert all(row.kind != "published" for row in found.rows)  # those are about MNIST


def test_storage_budgets_stay_out_of_the_leaderboard(ten, digits: Dataset) -> None:
    records = Oracle(digits, workers=1).score(ten, "knn", [0])
    as_mnist = [{**r, "checksum": MNIST_CHECKSUM, "role": "searched"} for r in records]
    (found,) = leaderboards(results_of(as_mnist), Origins())
    published = {row.name for row in found.rows if row.kind == "published"}
    storage = {number.method for number in leaderboard.literature() if number.budget == "storage"}
    assert "RCIG" in published
    assert storage
    assert not published & storage


def results_of(records: list, *candidates: Candidate) -> Results:
    return Results(
        records=records,
        candidates={candidate.hash: candidate for candidate in candidates},
        paths={candidate.hash: f"{candidate.name}.npz" for candidate in candidates},
        sources=sources_of(records, candidates, []),
    )


def test_finalists_stay_out_of_the_leaderboard(ten: Candidate, digits: Dataset) -> None:
    """A search's choice among its finalists is corrected, and shown beside fresh networks."""
    rivals = [measures.random_set(digits, 1, number) for number in range(3)]
    oracle = Oracle(digits, workers=1)
    scored = oracle.score_many(
        [replace(rival, name="s", role="finalist") for rival in rivals], "tree", range(3)
    )
    means = {r["candidate"]: [] for r in scored}
    for record in scored:
        means[record["candidate"]].append(record["accuracy"])
    winner = max(rivals, key=lambda rival: np.mean(means[rival.hash]))
    fresh = oracle.score(replace(winner, name="s", role="searched"), "tree", range(10, 14))
    results, origins = results_of([*scored, *fresh]), Origins()
    (found,) = leaderboards(results, origins)
    assert [(row.name, row.cells["tree"].interval.n) for row in found.rows] == [("s", 4)]
    (choice,) = finalists.choices(results, origins)
    assert (choice.name, choice.finalists, choice.fresh.interval.n) == ("s", 3, 4)
    assert choice.chosen.interval.mean == pytest.approx(max(map(np.mean, means.values())))
    assert float(choice.corrected.text) <= round(choice.chosen.interval.mean, 2)
    assert len(origins.entries()[choice.corrected.origin]["values"]) == 9


def record_of(
    candidate: Candidate, protocol: str, split: str, accuracy: float, seed: int = 0
) -> dict:
    """A record with a given accuracy."""
    fields = ("name", "method", "dataset", "checksum", "role", "chosen_on", "frame", "ipc", "draw")
    return {
        **{name: getattr(candidate, name) for name in fields},
        "candidate": candidate.hash,
        "protocol": protocol,
        "split": split,
        "seed": seed,
        "accuracy": accuracy,
        **dict.fromkeys(("images", "epochs")),
        **dict.fromkeys(("plan", "command", "commit", "device"), "x"),
        "versions": {},
    }


def test_b5_scores_on_the_split_that_chose_a_set_are_marked(ten: Candidate) -> None:
    searched = replace(ten, method="search", role="searched", chosen_on="validation-b")
    splits = ("validation-a", "validation-b", "validation")
    records = [record_of(searched, "knn", split, 50.0) for split in splits]
    (found,) = leaderboards(results_of(records), Origins())
    assert {row.scored_on for row in found.rows} == {
        "validation-a",
        "validation-b, which chose it",
        "validation, which chose it",
    }
    assert score_table(records).markdown().count("which chose it") == 2


def test_numbers_of_the_upright_frame_are_marked(made: Candidate, digits: Dataset) -> None:
    """By one term, wherever a set's name stands beside its accuracy."""
    recipe = replace(RECIPE, frame="deskew")
    upright = replace(made, name="s", images=deskew(made.images), recipe=recipe)
    (record,) = Oracle(digits, workers=1).score(upright, "own", [0])
    assert record["frame"] == "deskew"
    results = results_of([record], upright)
    (board,) = leaderboards(results, Origins())
    assert [row.name for row in board.rows] == ["s (upright frame)"]
    assert "| s (upright frame) |" in score_table([record]).markdown()
    assert "| s (upright frame) |" in panel_table([record]).markdown()
    assert ", upright frame" in span(upright)
    older = {name: value for name, value in record.items() if name != "frame"}
    assert "| s |" in score_table([older]).markdown()
    assert "upright" not in span(made)


def test_the_live_network_reads_in_the_frame_of_the_set(made: Candidate) -> None:
    """By whichever plan it learns; the plan itself is that of a plain set."""
    scored = replace(made, label_scale="score")
    for plain in (made, scored, replace(made, recipe=replace(RECIPE, ensemble=2))):
        assert plain.recipe
        upright = replace(plain, recipe=replace(plain.recipe, frame="deskew"))
        ours, usual = (
            live_sets(results, results.sources[one.checksum])[0]
            for one in (upright, plain)
            for results in [results_of([], one)]
        )
        assert ours["recipe"] == {**usual["recipe"], "frame": "deskew"}
        assert usual["recipe"]["frame"] == "plain"
        assert ours["name"] == f"{made.name} (upright frame)"
        assert ours["words"].startswith(f"{usual['words']}; upright frame")


def test_b6_test_chooses_neither_the_headline_nor_its_rival(digits: Dataset) -> None:
    """The best on validation leads, however lucky others are on test; so for what stands beside."""
    good = replace(measures.random_set(digits, 1, 0), name="good", role="searched")
    lucky = replace(measures.random_set(digits, 1, 1), name="lucky", role="distilled")
    drawn = draws.rmnist(digits, 1)
    records = [
        record_of(good, "knn", "validation-b", 60.0),
        record_of(good, "tree", "validation-b", 50.0),
        record_of(good, "knn", "test", 58.0),
        record_of(good, "tree", "test", 90.0),
        record_of(lucky, "knn", "validation-b", 55.0),
        record_of(lucky, "knn", "test", 99.0),
        *(record_of(good, protocol, "validation-a", 1.0) for protocol in ("svm-rbf", "mlp")),
        record_of(drawn, "svm-rbf", "validation", 40.0),
        record_of(drawn, "mlp", "validation", 42.0),
        record_of(drawn, "svm-rbf", "test", 45.0),
        record_of(drawn, "mlp", "test", 41.0),
    ]
    results = results_of(records, good, lucky)
    best = leader(leaderboards(results, Origins()))
    assert best is not None
    assert (best.row.name, best.protocol, best.row.split) == ("good", "knn", "test")
    assert best.chosen_on == "validation-b"
    top = headline(results, best)
    assert top is not None
    assert top.random is not None
    assert (top.number.mean, top.random.mean) == ("58.00", "41.00")
    assert top.random_protocol == "mlp"
    alone = results_of([r for r in records if r["split"] == "test"], good, lucky)
    first = leader(leaderboards(alone, Origins()))
    assert first is not None
    assert (first.row.name, first.chosen_on) == ("good", "")  # by name, which the page says


def test_b6_sets_of_one_content_are_one_row_and_count_once(digits: Dataset) -> None:
    searched = replace(draws.rmnist(digits, 1), name="s", role="searched")
    rule = replace(searched, name="nearest mean", role="simple rule")
    both = replace(searched, name="s = nearest mean")  # as a search calls it
    records = [
        record_of(candidate, "knn", "validation-b", 50.0 + seed, seed)
        for candidate, seeds in ((searched, [0, 1]), (rule, [3, 4]), (both, [2]))
        for seed in seeds
    ]
    (row,) = leaderboards(results_of(records), Origins())[0].rows
    assert (row.name, row.kind, row.cells["knn"].interval.n) == ("s = nearest mean", "searched", 5)


def test_other_networks_are_a_matrix_with_their_origin(
    folder: Path, made: Candidate, tmp_path: Path
) -> None:
    origin = {"split": measures.SPLIT, "seeds": [0, 1], "command": "cross FILE", "commit": "c"}
    rows = [
        {"candidate": key, "name": name, "accuracies": {"own": [90, 92], "MLP": [40, low]}} | origin
        for key, name, low in (
            (made.hash, "first", 50),
            (made.hash, "second", 20),
            ("gone", "none", 20),
        )
    ]
    path = tmp_path / "cross-architecture.json"
    path.write_text(json.dumps({"settings": {}, "rows": rows}))
    origins = Origins()
    results = collect([folder, tmp_path])
    (found,) = architecture_charts(results, origins)
    assert found.table.head == ["network", "first", "second"]
    network, first, second = found.table.rows[1]
    assert (network, first.interval.mean, second.interval.mean) == ("MLP", 45, 30)
    assert origins.entries()[second.origin]["files"] == [str(path)]
    assert architecture_charts(collect([folder]), origins) == []


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
    ten = draws.rmnist(digits, 1).renamed("ten")
    finalist = replace(ten, role="finalist")
    for seed, candidate in ((0, ten), (500, finalist), (1000, ten)):
        oracle = Oracle(digits, tmp_path / f"{seed}.jsonl", workers=1)
        for protocol in ("knn", "tree"):
            oracle.score(candidate, protocol, range(seed, seed + 2))
    kept = [(record["protocol"], record["role"]) for record in collect([tmp_path]).records]
    assert sorted(set(kept)) == [(p, c.role) for p in ("knn", "tree") for c in (ten, finalist)]
    assert [kept.count((p, ten.role)) for p in ("knn", "tree")] == [1, 4]


def test_page_of_records_alone(folder: Path, tmp_path: Path) -> None:
    text = write_report(tmp_path, collect([folder / "records.jsonl"])).read_text()
    assert 'id="leaderboard"' in text
    assert 'id="live"' not in text


def test_page_sets_ours_beside_published(mnist: Dataset, tmp_path: Path) -> None:
    Oracle(mnist, tmp_path / "r.jsonl", workers=1).score(draws.rmnist(mnist, 1), "knn", [0])
    text = write_report(tmp_path / "page", collect([tmp_path / "r.jsonl"])).read_text()
    cells = re.search(r"<td>knn</td><td>(<button[^>]*>41.85</button></td><td>){2}exact", text)
    assert cells
