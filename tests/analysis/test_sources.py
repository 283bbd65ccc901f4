"""Data is told by checksum: what has one name or one stem is not mixed, and names come along."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.measure import commands, measures
from analysis.origins import Origins
from analysis.page.live import live_part
from analysis.page.report import charts_of, content_of, render
from analysis.results import Results, collect
from analysis.sources import sources_of
from analysis.tables.leaderboard import leaderboards
from reproduce import Dataset, Oracle
from reproduce.essay import draws
from reproduce.known import CHECKSUMS

LETTERS = tuple("abcdefghij")


def alike(digits: Dataset, name: str, checksum: str, classes: tuple[str, ...]) -> Dataset:
    """The bundled digits as if they were own data."""
    return replace(digits, name=name, checksum=checksum, classes=classes, path=f"{name}.npz")


def fill(folder: Path, data: Dataset, number: int) -> None:
    """Scores, a curve, a sample, a map and a searched set's file of one dataset."""
    oracle = Oracle(data, folder / f"{data.checksum}.jsonl", workers=1)
    searched = replace(
        measures.random_set(data, 1, number), name=f"found {number}", role="searched"
    )
    sets = [replace(measures.random_set(data, 1, n), role="random sets") for n in (8, 9)]
    randoms = [replace(one, name="random sets") for one in sets]
    for protocol in ("knn", "tree"):
        oracle.score_many([searched, *randoms, draws.rmnist(data, 1)], protocol, [0])
    searched.save(folder / f"{data.checksum}.npz")
    out = folder / "analysis"
    curve = measures.random_curve(Oracle(data, workers=1), "tree", [1, 5], 2, range(2))
    content = {**commands.origin(data, "tree", range(2)), **curve}
    commands.write(out / f"random-{data.checksum}.json", {**content, "split": "validation"})
    commands.write_sample(out, data, 100)
    placed = {**commands.origin(data, None, ()), **measures.embedding(data, [searched], 100)}
    commands.write(out / f"map-{data.checksum}.json", placed)


@pytest.fixture(scope="module")
def two(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two datasets of one stem, `mnist`, and of other class names."""
    folder = tmp_path_factory.mktemp("two")
    fill(folder, alike(digits, "mnist", "a" * 16, LETTERS), 1)
    fill(folder, alike(digits, "mnist", "b" * 16, tuple("ABCDEFGHIJ")), 2)
    return collect([folder])


def test_b11_data_of_one_stem_share_no_leaderboard_and_no_random_sets(two: Results) -> None:
    found = leaderboards(two, Origins(two.paths))
    assert [board.source.checksum for board in found] == ["a" * 16, "b" * 16]
    assert len({board.source.title for board in found}) == 2
    assert len({board.source.key for board in found}) == 2
    for board in found:
        (randoms,) = [row for row in board.rows if row.kind == "random sets"]
        assert randoms.sets == 2
        assert sum(row.kind == "searched" for row in board.rows) == 1


def test_b11_own_data_called_mnist_never_stand_beside_published_numbers(two: Results) -> None:
    parts = content_of(two)
    rows = [row for board in parts["leaderboards"] for row in board.rows]
    assert all(row.kind != "published" for row in rows)
    assert parts["essay"] is None
    assert parts["storage"] is None


def test_b11_curves_maps_and_samples_of_one_data_do_not_replace_anothers(two: Results) -> None:
    assert set(two.curves) == {("a" * 16, "tree"), ("b" * 16, "tree")}
    assert set(two.maps) == set(two.samples) == {"a" * 16, "b" * 16}
    keys = [chart.key for chart in charts_of(content_of(two))]
    assert len(keys) == len(set(keys))
    assert sum(key.startswith("value-") for key in keys) == 2


def test_b11_the_headline_says_what_the_data_are_and_compares_within_them(two: Results) -> None:
    parts = content_of(two)
    source = parts["headline"].leader.board.source
    text = render(parts, "t")
    cover = re.search(r'<section class="cover".*?</section>', text, re.DOTALL)
    assert cover is not None
    assert source.title in cover[0]
    assert "handwrit" not in text
    assert [label for label, _ in parts["headline"].tiles] == list(source.classes)
    live = live_part(two, [], parts["headline"].leader)
    assert live["classes"] == source.classes
    assert [one["hash"] for one in live["sets"]] == [parts["headline"].leader.row.candidate]


def test_b11_known_data_keep_their_names_whatever_records_call_them(two: Results) -> None:
    renamed = [{**record, "checksum": CHECKSUMS["fashion"]} for record in two.records[:3]]
    (source,) = sources_of(renamed, [], []).values()
    assert (source.name, source.title, source.key) == ("fashion", "fashion", "fashion")
    assert source.classes == LETTERS
