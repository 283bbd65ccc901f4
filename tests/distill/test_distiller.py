"""The outer loop: learning, resuming, guarding, choosing, fitting memory, many processes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from distill import DistillConfig, Distiller, distill
from distill.command import all_threads, run_distillation
from distill.estimate import expectation
from distill.methods.krr import KernelRidge
from distill.methods.unroll import Unroll, plan_unroll
from reproduce import Dataset, Oracle, UserError
from reproduce.scoring.learners import Answer
from reproduce.scoring.network import Network

QUICK = DistillConfig(
    method="krr", steps=12, width=4, depth=2, batch=32, inner_steps=6, pool=3, stride=2, reuse=2
)
STAGED = replace(QUICK, method="staged", window=2, nets=2)
UNROLL = replace(QUICK, method="unroll", protocols=("sgd",), reuse=1, window=3)
WHOLE = replace(UNROLL, window=0, pool=20, stride=None)  # every network is new


def test_learning_lowers_the_loss_and_the_set_teaches(digits: Dataset) -> None:
    config = replace(QUICK, steps=240, width=8, batch=128, start="noise", image_lr=0.02, checks=4)
    distiller = Distiller(digits, config)
    losses = [state.progress.loss for state in distiller.run()]
    assert losses[-1] < 0.7 * losses[2]
    assert len(distiller.progress.history) == 4
    assert all(entry["gradient_norm"] > 0 for entry in distiller.progress.history)
    records = Oracle(digits, workers=1).score(distiller.candidate(), "own", range(3))
    assert np.mean([record["accuracy"] for record in records]) > 40  # noise: 10


@pytest.mark.parametrize("config", [QUICK, STAGED, UNROLL], ids=["krr", "staged", "unroll"])
def test_resume_is_bit_exact(digits: Dataset, tmp_path: Path, config: DistillConfig) -> None:
    whole = Distiller(digits, config)
    for _ in whole.run():
        pass
    checkpoint = tmp_path / "c"
    for state in Distiller(digits, config).run(checkpoint, every=2):
        if state.progress.turn == 5:  # killed one turn after the checkpoint, in the last stage
            break
    resumed = Distiller(digits, config)
    for _ in resumed.run(checkpoint, every=2):
        pass
    for mine, theirs in zip(
        resumed.synthetic.parameters(), whole.synthetic.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)
    assert resumed.candidate().hash == whole.candidate().hash
    assert resumed.progress.step == whole.progress.step == 12
    assert distill(digits, config, checkpoint).hash == whole.candidate().hash  # it had ended


def test_checkpoints_of_other_runs_and_damaged_ones_are_refused(
    digits: Dataset, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "c"
    distill(digits, replace(QUICK, steps=2), checkpoint)
    with pytest.raises(UserError, match="other settings"):
        distill(digits, replace(QUICK, seed=1), checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    with pytest.raises(UserError, match="damaged"):
        distill(digits, replace(QUICK, steps=2), checkpoint)


def test_hopeless_runs_end_with_a_line(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Unroll.loss
    monkeypatch.setattr(Unroll, "loss", lambda self: usual(self) * float("nan"))
    with pytest.raises(UserError, match="no longer finite"):
        distill(digits, UNROLL)


def test_a_run_can_be_given_more(digits: Dataset, tmp_path: Path) -> None:
    first = distill(digits, replace(QUICK, steps=4), tmp_path / "c")
    more = Distiller(digits, replace(QUICK, steps=8))
    steps = [state.progress.step for state in more.run(tmp_path / "c")]
    assert steps == [6, 8, 8]
    assert not np.array_equal(more.synthetic.images.detach(), first.images)


@pytest.mark.parametrize("bad", [float("nan"), 1e9])
def test_bad_gradients_roll_back_with_a_smaller_step(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    usual, calls = KernelRidge.loss, []

    def sometimes(self: KernelRidge) -> torch.Tensor:
        calls.append(1)
        return usual(self) * (bad if len(calls) == 8 else 1)

    monkeypatch.setattr(KernelRidge, "loss", sometimes)
    distiller = Distiller(digits, QUICK)
    calls.clear()
    notes = {state.progress.note for state in distiller.run()}
    assert distiller.progress.rollbacks == 1
    assert distiller.progress.scale == 0.5
    assert any("rolled back" in note for note in notes)
    assert distiller.progress.step == 12
    assert np.isfinite(distiller.candidate().images).all()


def test_the_best_set_by_validation_is_kept(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([50.0, 70.0, 60.0, 60.0])
    monkeypatch.setattr(Network, "score", lambda *_: [Answer(next(seen))])
    distiller = Distiller(digits, replace(QUICK, checks=3))
    sets = [state.candidate for state in distiller.run() if state.candidate]
    assert len(sets) == 2
    assert distiller.progress.best == 70
    assert distiller.candidate().hash == sets[1].hash
    assert distiller.candidate().hash != distiller._candidate(distiller.average).hash


def test_the_history_says_the_threads_of_the_run(digits: Dataset, tmp_path: Path) -> None:
    config = DistillConfig(method="means", width=4, depth=2, inner_steps=6)
    run_distillation(digits, config, "d", tmp_path / "d.checkpoint", threads=2)
    assert json.loads((tmp_path / "d.history.json").read_text())["threads"] == 2
    assert torch.get_num_threads() == 1


def test_minutes_end_a_run(digits: Dataset) -> None:
    distiller = Distiller(digits, replace(QUICK, steps=None, minutes=1e-4))
    assert [state.done for state in distiller.run()][-1] == 1
    assert distiller.progress.step > 0


def test_unrolling_fits_into_memory() -> None:
    assert plan_unroll(100, 10, 1, 50, 10_000)[:2] == (100, None)
    *recomputed, needed = plan_unroll(100, 10, 1, 50, 300)
    assert recomputed == [100, 10]
    assert needed <= 300
    window, _, needed = plan_unroll(100, 10, 1, 50, 150)
    assert 0 < window < 100
    assert needed <= 150
    with pytest.raises(UserError, match="more --memory"):
        plan_unroll(100, 10, 1, 50, 60)


def test_less_memory_means_recomputation_and_the_same_set(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.distiller.usable_device", lambda _: torch.float64)
    config = replace(WHOLE, inner_steps=9, steps=2)
    roomy = Distiller(digits, config)
    (whole,) = roomy.objectives
    assert isinstance(whole, Unroll)
    assert whole.segment is None
    memory = (roomy.standing + 0.8 * roomy.bytes) / 2**30
    tight = Distiller(digits, replace(config, memory=memory))
    (again,) = tight.objectives
    assert isinstance(again, Unroll)
    assert (again.window, again.segment) == (9, 3)
    assert tight.bytes < roomy.bytes
    assert "recomputed 3 at a time" in expectation(tight)
    sets = []
    for distiller in (roomy, tight):
        for _ in distiller.run():
            pass
        sets.append(distiller.synthetic.images.detach())
    torch.testing.assert_close(*sets, rtol=1e-7, atol=1e-9)


def test_krr_says_when_memory_does_not_suffice(digits: Dataset) -> None:
    with pytest.raises(UserError, match="more --memory"):
        Distiller(digits, replace(QUICK, memory=1e-5))


def test_bfloat16_features_differ_by_rounding_alone(digits: Dataset) -> None:
    gradients, features = [], []
    for bf16 in (False, True):
        distiller = Distiller(digits, replace(QUICK, bf16=bf16))
        (objective,) = distiller.objectives
        assert isinstance(objective, KernelRidge)
        objective.begin(0)
        objective.loss().backward()
        features.append(objective.real_seen)
        grad = distiller.synthetic.images.grad
        assert grad is not None
        gradients.append(grad.flatten())
    assert features[1].dtype == torch.float32
    error = (features[1] - features[0]).norm() / features[0].norm()
    assert 0 < error < 0.02
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99


def test_processes_of_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda only_physical_cores: 8)
    assert all_threads() == 8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert all_threads() == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "16")
    assert all_threads() == 1
