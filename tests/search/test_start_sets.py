"""A search scores its start sets first and continues from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.essay.draws import real_candidate
from reproduce.images.deskew import deskew
from reproduce.recipe import Recipe
from search import Pool, SearchConfig, finished, open_study, search
from search.start_sets import snapped

QUICK = SearchConfig(
    protocol="knn", method="swap", budget="20", batch=4, pool=0.5, search_seeds=1, images=0
)


def start_file(digits: Dataset, path: Path) -> Path:
    """A set of the pool that no rule has, in a file."""
    members = Pool.typical(digits.train, 0.5).members
    indices = np.array([int(m[-1]) for m in members])
    real_candidate(digits, indices, name="start", method="start").save(path)
    return path


@pytest.mark.parametrize("method", ["swap", "thompson"])
def test_start_sets_are_scored_first(digits: Dataset, tmp_path: Path, method: str) -> None:
    path = start_file(digits, tmp_path / "start.npz")
    config = replace(QUICK, method=method, budget="40", start_sets=str(path))
    list(search(Oracle(digits, workers=1), config, "s", tmp_path / "journal"))
    study = open_study("s", tmp_path / "journal")
    first = len(study.user_attrs["baselines"])
    sets = [set(trial.user_attrs["indices"]) for trial in finished(study)]
    theirs = set(Candidate.load(path).indices.tolist())
    assert sets[first - 1] == theirs
    if method == "thompson":  # half of its first images are theirs
        assert 0.3 < np.mean([len(found & theirs) / 10 for found in sets[first:]]) < 0.7


def test_start_sets_must_fit_the_search(digits: Dataset, tmp_path: Path) -> None:
    path = start_file(digits, tmp_path / "start.npz")
    oracle = Oracle(digits, workers=1)
    misfits: list[tuple[dict[str, object], str]] = [
        ({"ipc": 2}, "images per class"),
        ({"pool": 0.1}, "outside of the pool"),
        ({"method": "random"}, "takes nothing"),
        ({"start_sets": str(tmp_path / "none.npz")}, "none.npz"),
    ]
    for changes, words in misfits:
        config = replace(QUICK, **{"start_sets": str(path), **changes})  # type: ignore[arg-type]
        with pytest.raises(UserError, match=words):
            list(search(oracle, config, "s", tmp_path / "journal"))


@pytest.mark.parametrize("frame", ["plain", "deskew"])
def test_synthetic_images_become_the_real_ones_that_look_like_them(
    digits: Dataset, frame: str
) -> None:
    """Also after their contrast was changed, in the frame of the set, and each at most once."""
    pool = Pool.typical(digits.train, 0.5)
    real = np.array([own[at] for own in pool.members for at in (3, 7)])
    images = digits.train.images[real] if frame == "plain" else deskew(digits.train.images[real])
    recipe = Recipe(model="conv", epochs=1, batch=10, lr=0.1, frame=frame)
    noise = np.random.default_rng(0).normal(0, 0.02, images.shape)
    made = Candidate(
        images=(2.5 * (images + noise)).astype(np.float32),
        labels=np.eye(10, dtype=np.float32)[digits.train.labels[real]],
        label_scale="probability",
        name="made",
        method="made",
        dataset=digits.name,
        checksum=digits.checksum,
        recipe=recipe,
    )
    assert sorted(snapped(made, pool)) == sorted(real)
    twice = replace(made, images=made.images[[0] * 20])
    assert len(set(snapped(twice, pool))) == 20
