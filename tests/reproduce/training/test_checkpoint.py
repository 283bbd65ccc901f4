"""A checkpoint that was changed by a single bit is refused, never gone on from."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reproduce import Candidate, Recipe, UserError
from reproduce.training import checkpoint, loop, resume
from tests.mutation import damaged, refused_or

STATE = {"weights": torch.arange(300.0), "epoch": 3, "names": ["a", "b"]}


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.save(path, "run", STATE)
    found = checkpoint.load(path, "run")
    assert torch.equal(found.pop("weights"), STATE["weights"])
    assert found == {"epoch": 3, "names": ["a", "b"]}
    with pytest.raises(UserError, match="other settings"):
        checkpoint.load(path, "another run")


def test_a_flipped_bit_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.save(path, "run", STATE)
    whole, rng = path.read_bytes(), random.Random(0)
    for place in range(0, len(whole), 11):
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(UserError, match="damaged checkpoint"):
            checkpoint.load(path, "run")


def test_a_cut_glued_or_older_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.save(path, "run", STATE)
    whole = path.read_bytes()
    older = tmp_path / "older"
    torch.save({"run": "run", "state": STATE}, older)
    for content in (b"", whole[:10], whole[:-1], whole + b"\0", older.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged checkpoint"):
            checkpoint.load(path, "run")


@pytest.mark.parametrize(
    "content", [[], {"run": "run"}, {"run": "run", "state": 5}, {"run": "run", "state": None}]
)
def test_a_checkpoint_of_wrong_types_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object
) -> None:
    save = torch.save
    monkeypatch.setattr(torch, "save", lambda _, file: save(content, file))
    checkpoint.save(tmp_path / "c", "run", STATE)
    with pytest.raises(UserError, match="damaged checkpoint"):
        checkpoint.load(tmp_path / "c", "run")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", "3"),
        ("epoch", None),
        ("epoch", -1),
        ("epoch", 10**9),
        ("epoch", 2.5),
        ("model", {}),
        ("model", None),
        ("model", {"weights": "x"}),
        ("optimiser", []),
        ("draws", []),
        ("draws", {"step": 1}),
        ("draws", {"step": -1, "order": torch.arange(10)[None], "generators": []}),
        ("draws", {"step": 2, "order": torch.zeros(1, 10), "generators": [1, 2]}),
    ],
)
def test_a_training_checkpoint_with_a_field_of_the_wrong_type_is_refused(
    ten: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    recipe = Recipe(model="convnet", epochs=5, width=4, batch=4)
    work = (recipe, [ten.images], [ten.targets()], [0])
    monkeypatch.setattr(resume, "SAVE_EVERY", 0)
    path = tmp_path / "stack.pt"
    next(loop.train(*work, checkpoint=path))
    run = resume.identity(*work)
    checkpoint.save(path, run, {**checkpoint.load(path, run), field: value})
    with pytest.raises(UserError, match="damaged checkpoint"):
        next(loop.train(*work, checkpoint=path))


def test_a_training_checkpoint_of_other_seeds_or_images_is_refused(
    ten: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(model="convnet", epochs=5, width=4, batch=4)
    monkeypatch.setattr(resume, "SAVE_EVERY", 0)
    path = tmp_path / "stack.pt"
    next(loop.train(recipe, [ten.images], [ten.targets()], [0], checkpoint=path))
    for images, seed in ((ten.images, 1), (1 - ten.images, 0)):
        with pytest.raises(UserError, match="other settings"):
            next(loop.train(recipe, [images], [ten.targets()], [seed], checkpoint=path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "whole"
    checkpoint.save(path, "run", {"weights": torch.arange(5.0)})
    return path


@pytest.mark.fuzz
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused_or_whole(whole: Path, data: st.DataObject) -> None:
    content = data.draw(damaged(whole.read_bytes()))
    path = whole.with_name("damaged")
    path.write_bytes(content)
    found = refused_or(lambda: checkpoint.load(path, "run"))
    assert (found is not None) == (content == whole.read_bytes())
