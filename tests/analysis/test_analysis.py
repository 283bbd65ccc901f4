"""Pictures and the report."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import grid_png, grid_text, score_rows, write_report
from analysis.tables import seed_range
from reproduce import Candidate, Dataset, Fidelity, Oracle, essay


def test_grid_png_shows_every_image(digits: Dataset, ten: Candidate) -> None:
    sizes = []
    for candidate in (ten, essay.rmnist(digits, 3)):
        picture = Image.open(io.BytesIO(grid_png(candidate))).convert("L")
        assert np.asarray(picture).min() < 60
        sizes.append(picture.size)
    assert sizes[1][0] == sizes[0][0]
    assert sizes[1][1] > 2 * sizes[0][1] * 0.8
    assert grid_png(ten) == grid_png(ten)


def test_grid_text_shows_ink_where_it_is(ten: Candidate) -> None:
    images = np.zeros((2, 1, 28, 28), np.float32)
    images[0, 0, :4, :2] = 1
    lines = grid_text(
        replace(ten, images=images, labels=np.array([0, 1]), indices=None), per_row=2
    ).split("\n")
    assert len(lines) == 7
    assert lines[0] == "█"
    assert not "".join(lines[1:]).strip()


def test_synthetic_images_beyond_the_range_are_drawn(ten: Candidate) -> None:
    wild = replace(ten, images=5 * ten.images - 2, indices=None)
    assert grid_png(wild) != grid_png(ten)
    assert len(grid_text(wild).split("\n")) == 14


def test_rows_sum_up_and_keep_fidelities_apart(digits: Dataset, ten: Candidate) -> None:
    oracle = Oracle(digits, workers=1)
    records = oracle.score(ten, "tree", range(4))
    records += oracle.score(ten, "tree", range(4), fidelity=Fidelity(images=50))
    rows = score_rows(records)
    assert [row.summary.n for row in rows] == [4, 4]
    assert {row.images for row in rows} == {None, 50}
    full = next(row for row in rows if row.images is None)
    values = [record["accuracy"] for record in records[:4]]
    assert full.summary.mean == pytest.approx(np.mean(values))
    assert full.summary.se == pytest.approx(np.std(values, ddof=1) / 2)
    assert full.seeds == "0..3"


def test_seed_ranges() -> None:
    assert seed_range([3, 1, 2, 2]) == "1..3"
    assert seed_range([5, 1]) == "1, 5"
    assert seed_range([1, 2, 9]) == "1, 2, 9"


def test_report_is_self_contained(digits: Dataset, ten: Candidate, tmp_path: Path) -> None:
    named = ten.renamed("<b>ten</b>")
    records = Oracle(digits, workers=1).score(named, "tree", range(3))
    page = write_report(tmp_path / "r.html", records, [named], readings=2).read_text()
    assert "<b>ten" not in page
    assert "&lt;b&gt;ten" in page
    assert records[0]["command"].split()[0] in page
    assert "read 2 times" in page
    assert page.count("data:image/png;base64,") == 1
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_report_sets_ours_beside_published(mnist: Dataset, tmp_path: Path) -> None:
    records = Oracle(mnist, workers=1).score(essay.rmnist(mnist, 1), "knn", [0])
    page = write_report(tmp_path / "r.html", records, []).read_text()
    assert re.search(r"knn<td class=\"n\">41.85<td class=\"n\">41.85.*exact", page)
