"""C17 and D: an option is obeyed or refused in one line, whatever the method and the recipe."""

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from distill import DistillConfig, Distiller, validation
from distill.config import METHODS, RECIPES
from distill.methods import filled, find, mtt
from reproduce import Dataset, UserError
from reproduce.data import ImageSet

OWN = "tests.distill.own_method"
BASE: dict[str, Any] = {"width": 2, "depth": 1, "inner_steps": 6}
AGEING: dict[str, Any] = {"batch": 4, "pool": 3, "stride": 1, "seed": 1}
LEARNING: dict[str, dict[str, Any]] = {
    "staged": {**AGEING, "steps": 10, "reuse": 2, "start": "mean"},
    "krr": {**AGEING, "steps": 4, "reuse": 1, "start": "mean"},
    "kip": {**AGEING, "steps": 4, "reuse": 1, "start": "mean"},
    "unroll": {**AGEING, "steps": 4, "window": 3},
    "mixed": {**AGEING, "steps": 4, "ipc": 2, "start": "mean"},
    "dc": {**AGEING, "steps": 4, "ipc": 2},
    "dsa": {**AGEING, "steps": 4, "ipc": 2},
    "dm": {"steps": 4, "batch": 4},
    "rcig": {**AGEING, "steps": 4, "reuse": 1, "start": "mean"},
    "mtt": {"steps": 4, "batch": 4, "window": 3},
    "kmeans": {},
    "means": {},
}
# A value that is not the base's; `start` becomes a file.
OTHERS: dict[str, Any] = {
    "ipc": 3,
    "steps": 2,
    "minutes": 1e-7,
    "width": 3,
    "depth": 2,
    "widen": 2,
    "frame": "deskew",
    "inner_steps": 5,
    "inner_lr": 0.015,
    "window": 2,
    "nets": 2,
    "pool": 1,
    "stride": 2,
    "reuse": 3,
    "batch": 6,
    "image_lr": 0.1,
    "cool": 0.9,
    "ema": 0.0,
    "start": "noise",
    "learn": "images",
    "known_init": 7,
    "smooth": True,
    "bf16": True,
    "checks": 2,
    "memory": 1e-7,
    "seed": 2,
    "weights": (2.0, 1.0),
    "bounded": True,
    "faint": 0.6,
    "blur": 1.0,
    "distort": "rotate=30",
}


@pytest.fixture(scope="module")
def tiny() -> Dataset:
    """Two classes of images of 4x4 pixels."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = rng.random((40, 1, 4, 4), dtype=np.float32) * (0.5 + 0.5 * labels[:, None, None, None])
    part = ImageSet(images.astype(np.float32), labels)
    return Dataset("tiny", part, part, ("a", "b"), lambda: part, "1" * 16, "2" * 16)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation trains networks for nothing here, and experts take few steps."""
    monkeypatch.setattr(validation, "accuracies", lambda _, names, *__: [50.0] * len(names))
    monkeypatch.setattr(mtt, "APART", 1)


def outcome(data: Dataset, config: DistillConfig) -> tuple[str, int, int]:
    """What a run comes to: the set with its recipe, its updates, and its validations."""
    distiller = Distiller(data, config)
    for _ in distiller.run():
        pass
    # Validation says the same of all, so the last mean of the set counts, not the first.
    last = distiller._candidate(distiller.average).hash
    return last, distiller.progress.step, len(distiller.progress.history)


def bases() -> Iterator[Any]:
    for method in METHODS:
        for recipe in RECIPES:
            settings = {
                **BASE,
                "method": method,
                "protocols": (recipe,),
                **LEARNING.get(method, LEARNING["krr"]),  # a new method is taken for one like it
            }
            yield pytest.param(DistillConfig(**settings), id=f"{method}-{recipe}")


def test_every_option_is_tried() -> None:
    names = {field.name for field in dataclasses.fields(DistillConfig)}
    assert set(OTHERS) | {"method", "protocols"} == names


@pytest.mark.parametrize("base", list(bases()))
def test_an_option_changes_the_run_or_is_refused(tiny: Dataset, base: DistillConfig) -> None:
    try:
        before = outcome(tiny, base)
    except UserError as error:
        before, line = ("", 0, 0), str(error)
        assert "cross-entropy; use sgd or convnet" in line or "kip is for" in line
        return
    silent = []
    for name, value in OTHERS.items():
        # Pixels leave 0..1 only where steps are long.
        far = {"image_lr": 0.5} if name == "bounded" and find(base.method).stages else {}
        value = "labels" if value == filled(base).learn else value
        changed = replace(base, **{**far, name: value})
        try:
            same = outcome(tiny, changed) == (
                outcome(tiny, replace(base, **far)) if far else before
            )
        except UserError as error:
            same = "\n" in str(error)
        silent += [name] if same else []
    assert silent == [], (
        f"these change nothing and are not refused; has {base.method} its LEARNING?"
    )


HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({"method": "magic"}, "unknown method 'magic'"),
    ({"method": 3}, "method is 3"),
    ({"method": ":"}, "give module:name"),
    ({"method": "a:"}, "give module:name"),
    ({"method": "no_such_module:A"}, "No module named 'no_such_module'"),
    ({"method": f"{OWN}:Missing"}, "has no attribute 'Missing'"),
    ({"method": f"{OWN}:NOTHING"}, "a int; give a Method, or a class of Objective"),
    ({"method": f"{OWN}:WRONG"}, "int is not derived from Objective"),
    ({"method": f"{OWN}:NO_TUPLE"}, "use a tuple of Stage"),
    ({"method": f"{OWN}:Method"}, "Method is not derived from Objective"),
    ({"method": f"{OWN}:Objective"}, "Objective has no loss"),
    ({"method": f"{OWN}:Pixels", "window": 3}, "does not use it"),
    ({"method": f"{OWN}:Pixels", "pool": 3}, "every network is new"),
    ({"method": f"{OWN}:MISSPELT"}, "unknown fields ['colour']"),
    ({"ipc": 0}, "ipc is 0"),
    ({"ipc": -1}, "ipc is -1"),
    ({"ipc": 1.0}, "ipc is 1.0"),
    ({"ipc": True}, "ipc is True"),
    ({"ipc": None}, "ipc is None"),
    ({"ipc": "1"}, "ipc is '1'"),
    ({"ipc": 10**12}, "ipc is 1000000000000"),
    ({"ipc": 30, "start": "real"}, "class 'a' has 20 different images in training"),
    ({"ipc": 30}, "class 'a' has 20 different images in training"),
    ({"steps": 0}, "steps is 0"),
    ({"steps": float("nan")}, "steps is nan"),
    ({"steps": 10**30}, "steps is"),
    ({"minutes": float("nan")}, "minutes is nan"),
    ({"minutes": float("inf")}, "minutes is inf"),
    ({"minutes": -1.0}, "minutes is -1.0"),
    ({"minutes": 0}, "minutes is 0"),
    ({"protocols": ("x",)}, "unknown protocol 'x'"),
    ({"width": 0}, "width is 0"),
    ({"width": 10**9}, "width is 1000000000"),
    ({"width": 4096, "depth": 2}, "widths is 8192"),
    ({"widen": 64, "width": 128}, "widths is 8192"),
    ({"depth": 9}, "depth is 9"),
    ({"frame": "x"}, "frame is 'x'"),
    ({"frame": "deskew", "protocols": ("conv",)}, "conv takes images in frame plain"),
    ({"cool": 1.1}, "cool is 1.1"),
    ({"inner_steps": 10**12}, "inner_steps is"),
    ({"inner_lr": float("inf")}, "inner_lr is inf"),
    ({"inner_lr": 0.0}, "inner_lr is 0.0"),
    ({"inner_lr": -0.1}, "inner_lr is -0.1"),
    ({"window": -1}, "window is -1"),
    ({"window": 99, "method": "unroll"}, "networks are trained for"),
    ({"nets": 10**9}, "nets is"),
    ({"pool": 0}, "pool is 0"),
    ({"stride": 0}, "stride is 0"),
    ({"reuse": 0}, "reuse is 0"),
    ({"batch": 0}, "batch is 0"),
    ({"batch": 10**6}, "at most the 40 real images"),
    ({"batch": 5, "method": "dm"}, "a multiple of the 2 classes"),
    ({"image_lr": float("nan")}, "image_lr is nan"),
    ({"ema": 1.0}, "ema is 1.0"),
    ({"ema": -0.1}, "ema is -0.1"),
    ({"ema": float("nan")}, "ema is nan"),
    ({"start": "x"}, "unknown start 'x'"),
    ({"start": "."}, "unknown start '.'"),
    ({"start": ""}, "start"),
    ({"start": "a\nb"}, "start"),
    ({"learn": "x"}, "learn is 'x'"),
    ({"learn": "both", "protocols": ("convnet",)}, "the labels of convnet are hard"),
    ({"learn": "labels", "protocols": ("conv", "knn")}, "the labels of knn are hard"),
    ({"protocols": ()}, "--for names no learner"),
    ({"protocols": "conv"}, "protocols"),
    ({"protocols": ("conv", "conv")}, "names a learner twice"),
    ({"protocols": ("ridge", "adam")}, "a set carries one recipe"),
    ({"protocols": ("own",)}, "carries no recipe"),
    ({"protocols": ("forest",)}, "no set can be made for forest"),
    ({"protocols": ("knn",), "method": "dc"}, "dc needs networks"),
    ({"protocols": ("knn",), "nets": 2}, "no learner of --for is a network"),
    ({"protocols": ("conv",), "inner_steps": 5}, "for recipes that a set carries"),
    ({"protocols": ("conv",), "width": 5}, "for recipes that a set carries"),
    ({"protocols": ("conv+policy=rand",)}, "no gradient passes through torchvision"),
    ({"weights": (1.0,)}, "one learner gets all updates"),
    ({"weights": (1.0,), "protocols": ("conv", "knn")}, "1 shares for 2 learners"),
    ({"weights": (0.0, 1.0), "protocols": ("conv", "knn")}, "weights"),
    ({"bounded": 1}, "bounded is 1"),
    ({"blur": -0.5}, "blur is -0.5"),
    ({"distort": "turn=9"}, "unknown distortion 'turn'"),
    ({"distort": "rotate=9+rotate=8"}, "given twice"),
    ({"distort": "mix=0.5"}, "keep their labels"),
    ({"blur": 1.0, "learn": "labels"}, "only labels are learned"),
    ({"learn": "both", "method": "dm"}, "do not depend on labels"),
    ({"known_init": -1}, "known_init is -1"),
    ({"known_init": 3, "widen": 2}, "another initialisation"),
    ({"smooth": 1}, "smooth is 1"),
    ({"smooth": True, "method": "unroll"}, "method unroll does not use it"),
    ({"bf16": True, "method": "dc"}, "method dc does not use it"),
    ({"window": 5, "method": "krr"}, "method krr does not use it"),
    ({"pool": 5, "method": "dm"}, "every network is new"),
    ({"stride": 5, "method": "unroll"}, "every network is new"),
    ({"protocols": ("ridge",), "method": "dc"}, "dc matches gradients of the cross-entropy"),
    ({"steps": 5, "method": "means"}, "means learns nothing"),
    ({"start": "real", "method": "kmeans"}, "kmeans learns nothing"),
    ({"seed": 5, "method": "means"}, "draws nothing at random"),
    ({"checks": 0}, "checks is 0"),
    ({"memory": 0.0}, "memory is 0.0"),
    ({"memory": float("inf")}, "memory is inf"),
    ({"seed": -1}, "seed is -1"),
    ({"seed": 2**32}, "seed is 4294967296"),
]


@pytest.mark.parametrize(
    ("changes", "line"), HOSTILE, ids=["-".join(map(str, changes)) for changes, _ in HOSTILE]
)
def test_d_hostile_settings_are_refused_in_one_line(
    tiny: Dataset, changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(UserError) as refused:
        Distiller(tiny, DistillConfig(**{"method": "krr", **changes}))
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_both_stages_obey_what_the_user_gave(tiny: Dataset) -> None:
    """What the user did not give is each stage's own."""
    config = DistillConfig(method="staged", steps=9, width=2, depth=1)
    assert [filled(config, stage).image_lr for stage in (0, 1)] == [5e-3, 1e-3]
    assert [filled(config, stage).window for stage in (0, 1)] == [None, 10]
    given = replace(config, window=3, batch=6, reuse=2, image_lr=0.02)
    for name in ("window", "batch", "reuse", "image_lr"):
        assert [getattr(filled(given, stage), name) for stage in (0, 1)] == [
            getattr(given, name)
        ] * 2
    distiller = Distiller(tiny, given)
    distiller._enter(1)
    assert distiller.objectives[0].config.window == 3
    assert distiller.optimiser.param_groups[0]["lr"] == 0.02


def test_no_more_updates_than_steps_are_made(tiny: Dataset) -> None:
    """Not even where a real batch would serve for more."""
    config = DistillConfig(method="krr", steps=5, reuse=4, width=2, depth=1, inner_steps=2)
    assert outcome(tiny, config)[1] == 5
