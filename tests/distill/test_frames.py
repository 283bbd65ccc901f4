"""Sets that lie upright: how they come into that frame, and what they are learned from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill import DistillConfig, Distiller, distill, frames
from distill.objectives.networks import NetworkObjective
from reproduce import Candidate, Dataset, UserError
from reproduce.data import ImageSet
from reproduce.images.deskew import deskew, upright

TINY = DistillConfig(
    method="krr", steps=1, width=2, depth=1, inner_steps=2, batch=8, image_lr=1e-6, checks=1
)
SIDE = 12  # pixels


def slanted(seed: int) -> Dataset:
    """Two classes of ink that slants: its rows and columns are correlated."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    slants, moves = rng.uniform(-0.8, 0.8, (20, 1, 1)), rng.uniform(-1, 1, (20, 1, 1))
    labels = np.arange(20) % 2
    thick = 0.5 + labels[:, None, None]
    ink = np.exp(-(((x - moves - slants * y) / thick) ** 2) - (y / 3) ** 2)
    part = ImageSet(ink[:, None].astype(np.float32), labels)
    return Dataset("slanted", part, part, ("a", "b"), lambda: part, f"{seed:016}", "2" * 16)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return slanted(0)


@pytest.fixture(scope="module")
def files(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A set in each frame."""
    folder = tmp_path_factory.mktemp("sets")
    return {
        frame: distill(data, replace(TINY, frame=frame)).save(folder / f"{frame}.npz")
        for frame in ("plain", "deskew")
    }


def begun(data: Dataset, **changes: Any) -> np.ndarray:
    """The images that a run starts from."""
    images = Distiller(data, replace(TINY, **changes)).synthetic.images
    return images.detach().numpy().copy()


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), start=st.sampled_from(["mean", "kmeans", "real"]))
def test_a_set_starts_from_upright_images(seed: int, start: str) -> None:
    """Real images are those of the data, set upright; means and centres are of such images."""
    made = slanted(seed)
    upright = replace(made, train=ImageSet(deskew(made.train.images), made.train.labels))
    ours = begun(made, frame="deskew", start=start, seed=seed)
    np.testing.assert_array_equal(ours, begun(upright, frame="plain", start=start, seed=seed))
    if start == "real":
        np.testing.assert_allclose(deskew(ours), ours, atol=0.15)  # bilinear lookup blurs


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_a_plain_file_is_brought_upright_once(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And what comes of it goes on in its frame as it is."""
    made, folder = slanted(seed), tmp_path_factory.mktemp("once")
    plain = distill(made, replace(TINY, seed=seed))
    path = str(plain.save(folder / "plain.npz"))
    first = distill(made, replace(TINY, start=path, frame="deskew"))
    assert first.frame == "deskew"
    np.testing.assert_allclose(first.images, deskew(plain.images), atol=1e-4)  # one tiny update
    again = str(first.save(folder / "upright.npz"))
    for frame in ("deskew", None):
        np.testing.assert_array_equal(begun(made, start=again, frame=frame), first.images)


def test_the_frame_is_that_of_the_start_where_none_is_given(
    data: Dataset, files: dict[str, Path]
) -> None:
    assert frames.filled(TINY).frame == "plain"
    for frame, path in files.items():
        assert frames.filled(replace(TINY, start=str(path))).frame == frame
        assert distill(data, replace(TINY, start=str(path))).frame == frame


FOR_CONV = {"protocols": ("conv",)}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"frame": "plain"}, "is upright; give --frame deskew, or another --start"),
    (
        {"start": None, "frame": "deskew", "protocols": ("conv",)},
        "conv takes images in frame plain",
    ),
    ({"protocols": ("conv",)}, "conv takes images in frame plain, the set lies in deskew"),
    ({"protocols": ("ridge", "knn")}, "knn takes images in frame plain"),
]


@pytest.mark.parametrize(("changes", "line"), REFUSED)
def test_what_does_not_fit_the_frame_is_refused_in_one_line(
    data: Dataset, files: dict[str, Path], changes: dict[str, Any], line: str
) -> None:
    start = {"start": str(files["deskew"])}
    with pytest.raises(UserError) as refused:
        Distiller(data, DistillConfig(**{"method": "krr", "steps": 1, **start, **changes}))
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_set_that_goes_on_by_its_own_recipe_keeps_its_frame(
    data: Dataset, files: dict[str, Path]
) -> None:
    path = files["deskew"]
    own = DistillConfig(
        method="krr", protocols=("own",), start=str(path), steps=1, batch=8, learn="both"
    )
    first, found = Candidate.load(path), distill(data, own)
    assert found.recipe == first.recipe
    assert found.frame == "deskew"
    assert found.hash != first.hash


@pytest.mark.parametrize("frame", ["plain", "deskew"])
def test_objectives_learn_from_what_the_oracle_reads(data: Dataset, frame: str) -> None:
    """Real images: those of the data, upright where the frame says so, normalised."""
    distiller = Distiller(data, replace(TINY, frame=frame))
    (objective,) = distiller.objectives
    assert isinstance(objective, NetworkObjective)
    objective.begin(0)
    mean, std = objective.recipe.mean, objective.recipe.std
    images = deskew(data.train.images) if frame == "deskew" else data.train.images
    read = torch.tensor((images - mean) / std).flatten(1)
    seen = objective.seen_real().flatten(0, -4).flatten(1).float()
    assert len(seen) >= 8
    assert torch.cdist(seen, read).amin(1).max() < 1e-3


def real(data: Dataset, turn: int, **settings: Any) -> torch.Tensor:
    """The real images of a turn, (nets, 8, 1, SIDE, SIDE)."""
    objective = Distiller(data, replace(TINY, **settings)).objectives[0]
    objective.begin(turn)
    return objective.real[0]


def test_distorted_real_images_are_other_ones_each_time_and_upright_in_the_frame(
    data: Dataset,
) -> None:
    how = {"distort": "rotate=20+shift=2", "nets": 2}
    sharp, one, again = real(data, 3, nets=2), real(data, 3, **how), real(data, 3, **how)
    assert torch.equal(one, again)
    assert not torch.allclose(one, sharp, atol=0.1)
    assert not torch.allclose(one[0], one[1], atol=0.1)  # two networks, two batches
    framed = real(data, 3, frame="deskew", **how)[:, :, 0].flatten(0, 1)
    torch.testing.assert_close(upright(framed), framed, atol=0.15, rtol=0)  # lookup blurs
    crooked = one[:, :, 0].flatten(0, 1)
    assert (upright(crooked) - crooked).abs().max() > 0.3
