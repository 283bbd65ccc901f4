"""C16 and C19: a run goes on from its checkpoint to the same bits, or says in a line why not."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from distill import DistillConfig, Distiller, checkpoint, distill, guard, validation
from distill.methods.krr import KernelRidge
from distill.objectives.networks import POOLS
from distill.panel import Member
from reproduce import Dataset, Recipe, UserError
from reproduce.scoring.network import Network
from reproduce.training import checkpoint as checkpoints

QUICK = DistillConfig(
    method="krr",
    steps=16,
    width=4,
    depth=2,
    batch=32,
    inner_steps=6,
    pool=3,
    stride=2,
    reuse=2,
    start="mean",
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "accuracies", lambda _, names, *__: [50.0] * len(names))


def ended(distiller: Distiller, checkpoint: Path | None = None) -> Distiller:
    for _ in distiller.run(checkpoint, every=1):
        pass
    return distiller


def sets(distiller: Distiller) -> list[torch.Tensor]:
    return [*distiller.synthetic.parameters(), *distiller.average.parameters()]


@pytest.mark.parametrize("killed", [5, 6, 7])
def test_a_rollback_after_a_resume_is_that_of_a_run_without_one(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: int
) -> None:
    usual = Distiller._step

    def sometimes(self: Distiller, member: int, loss: float) -> bool:
        """Not finite in turn 6, until the steps are smaller."""
        bad = self.progress.turn == 6 and self.progress.scale == 1
        return usual(self, member, math.nan if bad else loss)

    monkeypatch.setattr(Distiller, "_step", sometimes)
    monkeypatch.setattr(guard, "GOOD_EVERY", 4)
    whole = ended(Distiller(digits, QUICK))
    assert whole.progress.rollbacks == 1
    for state in Distiller(digits, QUICK).run(tmp_path / "c", every=1):
        if state.progress.turn == killed:
            break
    resumed = ended(Distiller(digits, QUICK), tmp_path / "c")
    assert resumed.progress.rollbacks == 1
    for mine, theirs in zip(sets(resumed), sets(whole), strict=True):
        assert torch.equal(mine, theirs)


def test_a_stage_begins_without_the_gradient_norm_of_the_one_before(digits: Dataset) -> None:
    config = replace(QUICK, method="staged", steps=10, window=2)
    distiller = Distiller(digits, config)
    for state in distiller.run():
        if state.done >= 0.8 and distiller.progress.stage == 0:
            distiller.progress.norms = [1e-12]  # beside it any gradient of unroll has exploded
    assert state.progress.norm is not None
    assert state.progress.norm > 1e-9
    assert distiller.progress.rollbacks == 0
    assert distiller.progress.step == 10


@pytest.fixture(scope="module")
def written(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a short run."""
    path = tmp_path_factory.mktemp("run") / "c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "accuracies", lambda *_: [50.0])
        ended(Distiller(digits, replace(QUICK, steps=4)), path)
    return path


def resume(distiller: Distiller, path: Path) -> None:
    checkpoint.resume(path, distiller.identity(), distiller.rank, distiller._take)


def test_g3_a_flipped_byte_is_found_wherever_it_is(
    digits: Dataset, written: Path, tmp_path: Path
) -> None:
    distiller, content = Distiller(digits, replace(QUICK, steps=4)), written.read_bytes()
    path = tmp_path / "c"
    for place in np.random.default_rng(0).integers(len(content), size=60):
        changed = bytearray(content)
        changed[place] ^= 1 << int(place) % 8
        path.write_bytes(bytes(changed))
        with pytest.raises(UserError, match=r"c: .*checkpoint") as refused:
            resume(distiller, path)
        assert "\n" not in str(refused.value)
    for torn in (b"", content[:100], content[:-1], content + b"\0"):
        path.write_bytes(torn)
        with pytest.raises(UserError, match=r"c: .*checkpoint"):
            resume(distiller, path)


def at(*keys: Any) -> Callable[[Any, Any], None]:
    def put(state: Any, value: Any) -> None:
        for key in keys[:-1]:
            state = state[key]
        state[keys[-1]] = value

    return put


MOMENTS = ("now", "optimiser", "state", 0, "exp_avg")
FOREIGN: list[tuple[Callable[[Any, Any], None], Any]] = [
    (at("now"), None),
    (at("now"), []),
    (at("good"), {}),
    (at("pools"), []),
    (at("pools"), {}),
    (at("pools", 0), 3),
    (at("pools", 0, 0), None),
    (at("pools", 0, 0), []),
    (at("pools", 0, 0, 0, "slots"), []),
    (at("pools", 0, 0, 0, "slots"), [None]),
    (at("pools", 0, 0, 0, "slots", 0), [[], [], [], [], {}]),
    (at("pools", 0, 0, 0, "slots", 0), [[torch.zeros(3)], [], [], [0], {}]),
    (at("pools", 0, 1, 0, "slots", 0), "text"),
    (at("pools", 0, 0, 0, "retirement"), ["x"] * 3),
    (at("now", "synthetic"), {}),
    (at("now", "synthetic", "images"), torch.zeros(3)),
    (at("now", "synthetic", "images"), torch.full((10, 1, 28, 28), math.nan)),
    (at("now", "synthetic", "images"), "text"),
    (at("good", "best", "raw_labels"), None),
    (at("now", "optimiser"), {}),
    (at("now", "optimiser", "state"), {0: {}}),
    (at(*MOMENTS), torch.zeros(3)),
    (at(*MOMENTS), "text"),
    (at("now", "optimiser", "param_groups"), []),
    (at("now", "optimiser", "param_groups", 0, "betas"), (0.5, 0.5)),
    (at("now", "progress"), None),
    (at("now", "progress", "step"), "4"),
    (at("now", "progress", "step"), -1),
    (at("now", "progress", "stage"), 7),
    (at("now", "progress", "seconds"), math.nan),
    (at("now", "progress", "losses"), 1.0),
    (at("now", "progress", "losses"), ["1"]),
    (at("now", "progress", "norms"), []),
    (at("now", "progress", "history", 0, "accuracies"), [500]),
    (at("now", "progress", "scale"), 0),
    (at("now", "progress", "best"), 1e9),
    (at("now", "progress", "history"), "text"),
    (at("now", "progress", "history"), [3]),
    (at("now", "progress", "history"), [{}]),
    (at("now", "progress", "history", 0, "accuracy"), "50"),
    (at("now", "progress", "note"), "\x1b[31m"),
    (at("now", "progress", "colour"), 1),
]


def test_d_checkpoints_with_content_of_another_kind_are_refused_in_one_line(
    digits: Dataset, written: Path, tmp_path: Path
) -> None:
    config = replace(QUICK, steps=4)
    distiller = Distiller(digits, config)
    sound = checkpoints.load(written, distiller.identity())
    path, accepted = tmp_path / "c", []
    for number, (put, value) in enumerate(FOREIGN):
        state = copy.deepcopy(sound)
        put(state, value)
        checkpoints.save(path, distiller.identity(), state)
        try:
            resume(distiller, path)
        except UserError as error:
            assert str(error).startswith(f"{path}: damaged checkpoint")  # noqa: PT017
        else:
            accepted.append(number)
    assert accepted == []


def test_d_a_checkpoint_of_another_run_or_start_is_refused(digits: Dataset, tmp_path: Path) -> None:
    first = Distiller(digits, replace(QUICK, steps=2))
    start = ended(first).candidate().save(tmp_path / "start.npz")
    config = replace(QUICK, steps=4, start=str(start))
    ended(Distiller(digits, config), tmp_path / "c")
    with pytest.raises(UserError, match="other settings"):
        distill(digits, replace(config, seed=1), tmp_path / "c")
    other = replace(first.candidate(), images=first.candidate().images + 0.01)
    other.save(start)  # another file by the same name
    with pytest.raises(UserError, match="other settings"):
        distill(digits, config, tmp_path / "c")
    for nonsense in (b"PK", b"{}", b"\x80\x04."):
        (tmp_path / "c").write_bytes(nonsense)
        with pytest.raises(UserError, match="damaged checkpoint"):
            distill(digits, config, tmp_path / "c")


def test_the_estimate_has_the_pool_before_anything_is_allocated(digits: Dataset) -> None:
    recipe = Recipe(model="convnet", width=16, depth=2, momentum=0.9)
    member = Member("m", "m", Network(recipe), recipe, 10)
    one, two = (
        KernelRidge.standing_bytes(replace(QUICK, pool=pool), member, digits) for pool in (1, 2)
    )
    network = 4 * (16 * 9 + 16 + 16 * 16 * 9 + 16 + 4 * 16 + 10 * (16 * 64 + 1))
    assert two - one == POOLS * 2 * network  # with momentum
    with pytest.raises(UserError, match="more --memory"):
        Distiller(digits, DistillConfig(method="krr", width=512, pool=10_000))
    small, large = (Distiller(digits, replace(QUICK, pool=pool)).standing for pool in (3, 30))
    assert large > 5 * small / 2


def test_only_the_choosing_half_of_validation_is_read(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """validation-b reports: no distillation looks at it."""
    monkeypatch.undo()
    seen, usual = set(), Dataset.split

    def split(self: Dataset, name: str) -> Any:
        seen.add(name)
        return usual(self, name)

    monkeypatch.setattr(Dataset, "split", split)
    whole = replace(digits, validation=digits.validation)
    config = replace(QUICK, steps=2, checks=1)
    ended(Distiller(whole, config))
    assert seen == {"validation-a"} == {validation.CHOOSING}
    assert validation.FRESH == "validation-b"


def test_the_estimate_has_the_judging_of_networks_on_real_images(digits: Dataset) -> None:
    """What the last networks answer to real images is differentiated, too."""
    config = DistillConfig(method="unroll", width=16, depth=2, steps=1, inner_steps=2)
    few, many = (Distiller(digits, replace(config, batch=batch)).bytes for batch in (10, 500))
    assert many - few > 490 * 16 * 32 * 32 * 4  # the first block's maps, at the least
