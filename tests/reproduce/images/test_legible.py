"""The user's own pictures: what was done to them is said, and they look as the data does."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reproduce import Candidate, UserError
from reproduce.images.read.legible import legible
from tests.conftest import Call, Refusal

SHAPE = (28, 28)


def drawn(path: Path, ink: np.ndarray, factor: int = 8) -> Path:
    """A picture of one digit (28, 28), enlarged, as dark ink in a corner of grey paper."""
    large = np.kron(ink, np.ones((factor, factor)))
    paper = np.zeros((large.shape[0] + 60, large.shape[1] + 150))
    paper[: large.shape[0], : large.shape[1]] = large
    Image.fromarray((230 - 200 * paper).astype(np.uint8)).save(path)
    return path


def test_an_image_like_the_data_stays_as_it_is(ten: Candidate, tmp_path: Path) -> None:
    bytes_ = np.rint(255 * ten.images[3, 0]).astype(np.uint8)
    Image.fromarray(bytes_).save(tmp_path / "a.png")
    image, said = legible(tmp_path / "a.png", SHAPE, True)
    np.testing.assert_array_equal(image, bytes_ / np.float32(255))
    assert said == "nothing"
    Image.fromarray(255 - bytes_).save(tmp_path / "b.png")
    image, said = legible(tmp_path / "b.png", SHAPE, True)
    np.testing.assert_allclose(image, bytes_ / 255, atol=1e-6)
    assert said == "inverted, since ink was dark"


def test_a_drawing_is_inverted_scaled_and_centred(ten: Candidate, tmp_path: Path) -> None:
    for ink in ten.images[:, 0]:
        image, said = legible(drawn(tmp_path / "a.png", ink), SHAPE, True)
        assert said == "inverted, since ink was dark; ink scaled and centred in 28x28"
        assert (image.min(), image.max()) == (0, 1)
        rows, columns = np.indices(SHAPE)
        assert abs((image * rows).sum() / image.sum() - 13.5) < 1
        assert abs((image * columns).sum() / image.sum() - 13.5) < 1
        assert np.ptp(np.argwhere(image), 0).max() == 19  # of 20 pixels


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_colour_transparency_and_depth(ten: Candidate, tmp_path: Path, mode: str) -> None:
    ink = np.rint(255 * ten.images[0, 0]).astype(np.uint8)
    if mode == "RGB":  # blue ink on yellow paper
        pixels = np.stack([255 - ink, 255 - ink, ink // 2], -1)
    elif mode == "RGBA":  # black ink on nothing
        pixels = np.stack([0 * ink, 0 * ink, 0 * ink, ink], -1)
    else:
        pixels = ink.astype(np.uint16) * 257
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image, _ = legible(tmp_path / "a.png", SHAPE, False)
    assert np.corrcoef(image.ravel(), ink.ravel())[0, 1] > 0.99


def test_pictures_of_other_data_are_resized_whole(tmp_path: Path) -> None:
    pixels = np.zeros((40, 100), np.uint8)
    pixels[10:20, 80:90] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image, said = legible(tmp_path / "a.png", SHAPE, False)
    assert said == "resized to 28x28"
    assert image[:8].max() == image[-8:].max() == 0  # the picture is wider than high
    assert image[11:13, 22:25].min() > 0.5


def test_a_blank_picture_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((50, 50), 200, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="no ink"):
        legible(tmp_path / "a.png", SHAPE, True)


def test_the_command_reads_pictures(ten: Candidate, tmp_path: Path, call: Call) -> None:
    ten.save(tmp_path / "ten.npz")
    names = [drawn(tmp_path / f"{n}.png", ink).name for n, ink in enumerate(ten.images[:, 0])]
    code, out, err = call(f"read ten.npz {' '.join(names)} --json", tmp_path)
    assert code == 0, err
    found = [row["class"] for row in json.loads(out)]
    assert (
        np.mean([int(name) == label for name, label in zip(found, ten.labels, strict=True)]) > 0.7
    )
    code, out, _ = call(f"read ten.npz {names[0]} --epochs 1 --protocol best", tmp_path)
    assert code == 0
    assert "inverted" in out


def test_what_is_no_picture_is_refused(ten: Candidate, tmp_path: Path, refusal: Refusal) -> None:
    ten.save(tmp_path / "ten.npz")
    assert "cannot be read as an image" in refusal("read ten.npz ten.npz", tmp_path)
    assert "cannot be read as an image" in refusal("read ten.npz nothing.png", tmp_path)
