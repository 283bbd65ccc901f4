"""Pictures and tables."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from analysis import grid_png, grid_text, score_rows
from analysis.figures.pictures import PLAIN_SHADES, SHADES, shade, shades_of, sheet
from reproduce import Candidate, Dataset, Fidelity, Oracle
from reproduce.essay import draws
from reproduce.summary import seed_range


def test_grid_png_shows_every_image(digits: Dataset, ten: Candidate) -> None:
    sizes = []
    for candidate in (ten, draws.rmnist(digits, 3)):
        picture = Image.open(io.BytesIO(grid_png(candidate))).convert("L")
        assert np.asarray(picture).max() > 200
        sizes.append(picture.size)
    assert sizes[1][0] == sizes[0][0]
    assert sizes[1][1] > 2 * sizes[0][1] * 0.8
    assert grid_png(ten) == grid_png(ten)


def test_one_scale_for_all_images() -> None:
    grey = shade(np.array([0.0, 0.5, 1.0]))
    assert grey.tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    below, above = shade(np.array([-0.5, 1.5])).astype(int)
    assert below[2] > below[0]
    assert above[0] > above[2]
    assert (shade(np.array([-1.0, 2.0])) == shade(np.array([-9.0, 9.0]))).all()


def test_sheet_holds_each_image_pixel_for_pixel(ten: Candidate) -> None:
    board = np.asarray(Image.open(io.BytesIO(sheet(ten.images, columns=4, gap=2))))
    assert board.shape == (3 * 30 - 2, 4 * 30 - 2, 2)  # grey and cover
    assert (board[30:58, 30:58, 0] == np.rint(255 * ten.images[5, 0])).all()
    assert board[29, 0, 1] == 0
    wild = 2 * ten.images - 0.5
    colours = np.asarray(Image.open(io.BytesIO(sheet(wild))).convert("RGBA"))
    assert np.abs(colours[:28, :28, :3].astype(int) - shade(wild[0, 0])).mean() < 4


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", None, "no such encoding"])
def test_a2_shades_that_the_terminal_lacks_are_others(ten: Candidate, encoding: str | None) -> None:
    drawn = grid_text(ten, shades=shades_of(encoding))
    assert set(drawn) == {*PLAIN_SHADES, "\n"}
    assert set(grid_text(ten, shades=shades_of("utf-8"))) == {*SHADES, "\n"}


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
