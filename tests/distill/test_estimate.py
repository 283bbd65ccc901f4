"""What a run says of its time beforehand, and what stands beside its set in the end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from distill import DistillConfig, Distiller, estimate, validation
from distill.checkpoint import fingerprint
from distill.inner.steps import Trainer
from distill.starts import class_means
from reproduce import Candidate, Dataset, Recipe
from tests.conftest import Call

TINY = "--for ridge --method krr --steps 20 --width 4 --depth 1 --inner-steps 2 --pool 2 --batch 20"


def test_a_run_says_its_whole_time_and_ends_beside_the_class_means(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = f"distill --dataset digits {TINY} --seeds 3 --workers 1 --threads 1"
    code, out, err = call(command, tmp_path)
    assert code == 0
    said = " ".join(err.split())
    for part in ("in all:", "of updates", "of 2 validations", "of final scores"):
        assert part in said
    assert "better than class means" in out.lower()
    assert "class means" in out.split("better")[0]
    bars = [line for line in err.splitlines() if "━" in line]
    assert bars
    assert all("20/20" in bar or "6/6" in bar for bar in bars), bars
    assert any(line.startswith("  loss") and "best" in line for line in err.splitlines())
    assert "nan" not in err + out


def test_means_that_are_asked_for_have_no_rival(tmp_path: Path, call: Call) -> None:
    command = "distill --dataset digits --method means --for knn --workers 1 --json"
    code, out, err = call(command, tmp_path)
    assert code == 0, err
    assert len(json.loads(out)) == 1
    assert "distil means" not in err  # no bar of a run that learns nothing


def test_class_means_learn_by_the_recipe_of_the_set(digits: Dataset, ten: Candidate) -> None:
    like = replace(ten, recipe=Recipe(model="convnet", width=4, frame="deskew"), indices=None)
    rival = class_means(digits, like)
    assert (rival.recipe, rival.role, len(rival)) == (like.recipe, "simple rule", 10)
    zeros = digits.train.images[digits.train.labels == 0]
    assert abs(rival.images[0] - zeros.mean(0)).max() < 1e-5


@pytest.mark.parametrize(
    ("settings", "seconds", "checks"),
    [
        ({"steps": 5}, 1, 1),
        ({"steps": 45}, 1e9, 4),
        ({"steps": 10_000}, 1e9, 12),
        ({"minutes": 10}, 1, 12),
        ({"minutes": 10}, 40, 3),
        ({"minutes": 1}, 1000, 1),
        ({"minutes": 1, "checks": 30}, 1000, 30),
    ],
)
def test_validations_fit_the_length_of_a_run(
    settings: dict[str, int], seconds: float, checks: int
) -> None:
    """A run of so many steps does not ask the clock."""
    assert validation.fitting(DistillConfig(**settings), lambda: seconds) == checks


def test_the_time_of_a_validation_is_told_from_a_few_epochs(
    digits: Dataset, ten: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(validation.time, "monotonic", lambda: now[0])

    def trained(candidate, learner, scored, device) -> float:
        now[0] += 2 + 0.5 * learner.recipe.epochs
        return 0.0

    monkeypatch.setattr(validation, "_accuracy", trained)
    assert validation.seconds(ten, ["conv"], digits, "cpu") == pytest.approx(2 + 0.5 * 500)


@pytest.mark.parametrize(("steps", "stride"), [(12, 1), (12, 3), (40, 4)])
def test_an_update_is_told_with_the_training_of_the_networks_it_uses(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, steps: int, stride: int
) -> None:
    """A second a step of the networks is what a long run comes to; nothing changes."""
    config = DistillConfig(
        method="krr", steps=400, width=2, depth=1, inner_steps=steps, stride=stride, pool=4,
        reuse=2, batch=10, checks=1,
    )  # fmt: skip
    run, now, trained = Distiller(digits, config), [0.0], Trainer.trained
    before = fingerprint(run.snapshot())

    def timed(self, networks, synthetic, count, graph):
        now[0] += count
        return trained(self, networks, synthetic, count, graph=graph)

    monkeypatch.setattr(Trainer, "trained", timed)
    monkeypatch.setattr(estimate.time, "monotonic", lambda: now[0])
    told = estimate.update_seconds(run)
    assert fingerprint(run.snapshot()) == before
    now[0] = 0.0
    for _ in run.run():
        pass
    assert now[0] / config.steps == pytest.approx(told, rel=0.2)
