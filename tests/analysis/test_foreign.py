"""A report on folders that hold what is foreign, damaged or hostile: said, skipped, never shown."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import formats
from analysis.command import report
from analysis.figures.pictures import grid_png
from analysis.figures.style import legend_below, panel, svg
from analysis.page.report import content_of, render, write_report
from analysis.results import collect
from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.essay import draws
from tests.mutation import altered, deep, refused_or

HOSTILE = ("<script>alert(1)</script>", "$x^{$ [red]%s{0}", "../../up")
JSON = json.dumps
FOREIGN = {
    "list.json": JSON([{"candidate": "x", "accuracy": 1.0}]),
    "other.json": JSON({"a": 1}),
    "number.json": "1",
    "text.json": '"x"',
    "null.json": "null",
    "empty.json": "",
    "cut.json": '{"candidate": "x", "learn',
    "deep.json": deep(),
    "bytes.json": b"\xff\xfe\x00{",
    "nan.json": '{"side": NaN, "pixels": Infinity}',
    "rows.json": JSON({"settings": 1, "rows": [1, None, {"accuracies": {"x": "y"}}]}),
    "foreign.jsonl": JSON({"event": "login"}) + "\n",
    "words.jsonl": "no JSON at all\n",
    "bytes.jsonl": b"\x80\x81\n",
    "text.npz": "no archive",
    "cut.npz": b"PK\x03\x04 and then nothing",
}


def test_d_foreign_files_are_skipped_with_a_line_each(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "results"
    shutil.copytree(folder, whole)
    for name, content in FOREIGN.items():
        (whole / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = collect([whole])
    assert len(found.records) == len(collect([folder]).records)
    assert sorted(Path(line.split(": ")[0]).name for line in found.skipped) == sorted(FOREIGN)
    report([whole], out=tmp_path / "page")
    lines = capsys.readouterr().err.splitlines()
    said = [line for line in lines if line.startswith("passed over: ")]
    assert len(said) == 11
    assert f"{len(FOREIGN) - 10} more" in said[-1]
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert [name for name in FOREIGN if name not in text] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are characters")
def test_i_files_and_titles_of_any_bytes_are_shown_escaped(folder: Path, tmp_path: Path) -> None:
    odd = "a\udcff\x1b[2J"
    whole = tmp_path / odd
    shutil.copytree(folder, whole)
    for path in list(whole.rglob("*.*")):
        path.rename(path.with_name(f"{odd}{path.name}"))
    page = write_report(tmp_path / "page", collect([whole]), title=odd)
    text = page.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "<title>a\\udcff\\x1b[2J</title>" in text


def test_d_own_json_output_in_the_folder_is_no_stop(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "results"
    shutil.copytree(folder, whole)
    records = collect([folder]).records
    (whole / "score.json").write_text(JSON(records))
    (whole / "compare.json").write_text(JSON({"difference": 1.0, "p": None, "records": records}))
    found = collect([whole])
    assert len(found.records) == len(records)
    assert sum("score.json" in line or "compare.json" in line for line in found.skipped) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_d_pipes_and_folders_with_endings_are_no_hang(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "results"
    shutil.copytree(folder, whole)
    os.mkfifo(whole / "pipe.json")
    (whole / "folder.jsonl").mkdir()
    (whole / "up.json").symlink_to(tmp_path)
    assert len(collect([whole]).records) == len(collect([folder]).records)
    with pytest.raises(UserError, match="pipe"):
        collect([whole / "pipe.json"])


def contents(folder: Path) -> dict[str, dict]:
    return {p.name: json.loads(p.read_text()) for p in sorted((folder / "analysis").glob("*.json"))}


@pytest.fixture
def some(folder: Path) -> dict[str, dict]:
    """The analyses, the map, the curve and the sample of the folder, by file name."""
    paths = sorted((folder / "analysis").glob("*.json"))
    return {path.name: json.loads(path.read_text()) for path in paths}


UNHURT = (HealthCheck.function_scoped_fixture,)


@settings(max_examples=10, deadline=None, suppress_health_check=UNHURT)
@given(st.data())
def test_d_altered_analyses_are_shown_whole_or_skipped(
    folder: Path,
    some: dict[str, dict],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    """Of one altered file of the folder: no traceback, no hang, a page that is whole."""
    name = data.draw(st.sampled_from(sorted(some)))
    place = tmp_path_factory.mktemp("altered")
    (place / name).write_text(JSON(data.draw(altered(some[name]))))
    for path in (*folder.glob("*.npz"), folder / "records.jsonl"):
        shutil.copy(path, place)
    found = collect([place])
    if found.skipped:
        assert name in found.skipped[0]
    parts = content_of(found)
    assert render(parts, "t").rstrip().endswith("</html>")


@pytest.mark.fuzz
@settings(deadline=None, suppress_health_check=UNHURT)
@given(st.data())
def test_d_altered_analyses_are_read_whole_or_refused_in_a_line(
    some: dict[str, dict], tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(some)))
    (tmp_path / name).write_text(JSON(data.draw(altered(some[name]))))
    refused_or(lambda: formats.read(tmp_path / name))


@pytest.mark.parametrize("label", ["x", "\ud800", None, [[]], {"a": 1}, 1e9, -1, True])
def test_c19i_labels_of_a_sample_that_are_no_numbers_are_skipped(
    label: object, folder: Path, tmp_path: Path
) -> None:
    path = next((folder / "analysis").glob("sample*.json"))
    sample = json.loads(path.read_text())
    sample["labels"][3] = label
    (tmp_path / "sample.json").write_text(JSON(sample))
    with pytest.raises(UserError, match="labels"):
        formats.read(tmp_path / "sample.json")


@pytest.mark.parametrize("name", HOSTILE)
def test_c19i_hostile_names_are_shown_letter_by_letter(
    name: str, digits: Dataset, tmp_path: Path
) -> None:
    """In the page, in figures, and as names of files, which stay in their folder."""
    train = digits.train
    named = replace(digits, name=name, checksum="0123456789abcdef", classes=(name,) * 10)
    sets = [replace(draws.rmnist(named, 1, draw), name=name) for draw in draws.DRAWS]
    made = Candidate(
        images=train.images[:10],
        labels=0.9 * np.eye(10, dtype=np.float32) + 0.01,
        label_scale="probability",
        name=name,
        method=name,
        dataset=name,
        checksum=named.checksum,
        class_names=(name,) * 10,
        role="distilled",
    )
    oracle = Oracle(named, tmp_path / "in" / "records.jsonl", workers=1)
    for protocol in ("knn", "svm-rbf"):
        oracle.score_many([*sets, made], protocol, [0])
    made.save(tmp_path / "in" / "made.npz")
    before = sorted(tmp_path.parent.iterdir())
    page = write_report(tmp_path / "out", collect([tmp_path / "in"]), name)
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert sorted(tmp_path.parent.iterdir()) == before
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
    drawn = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.svg")]
    assert drawn
    for one in drawn:
        ElementTree.fromstring(one)  # is whole, whatever the names
    labels = next(path for path in (tmp_path / "out").rglob("labels-*.svg"))
    assert name in {text.text for text in ElementTree.parse(labels).iter() if text.text}
    assert grid_png(made)


def test_c19i_no_text_of_a_figure_is_a_formula() -> None:
    figure, axis = panel()
    axis.set_title("$x^{$")
    axis.plot([1, 2], [1, 2], label="$\\frac{$")
    axis.set_xticks([1, 2], ["$_{$", "b"])
    legend_below(figure, axis)
    drawn = svg(figure, text="none").decode()
    assert all(text in drawn for text in ("$x^{$", "$\\frac{$", "$_{$"))
