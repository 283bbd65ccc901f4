"""The peers' plain loops do what their papers say, and the clock counts what it should."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.tables.distill import OURS, PEERS, peers
from benchmarks.rows import write
from benchmarks.speed import distill_peers
from benchmarks.speed import plain_distillation as plain
from benchmarks.speed.distill_peers import Snapshot, Way
from reproduce import Dataset, Oracle, UserError

LOOPS = {plain.condensation: "class", plain.feature_regression: "score"}


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_a_loop_changes_its_set_by_every_update(
    loop: Callable[..., Iterator[plain.Made]], digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "FREPO_REAL", 64)
    snapshots = distill_peers.plain(partial(loop, widths=(4, 4, 4)), None, digits, 1.0)
    made = [candidate() for _, (_, candidate) in zip(range(3), snapshots, strict=False)]
    assert made[0].label_scale == LOOPS[loop]
    assert made[0].images.shape == (10, 1, 28, 28)
    assert not np.array_equal(made[1].images, made[2].images)
    if made[0].label_scale == "score":  # one of each class, in order, whatever was learned
        assert made[2].labels.argmax(1).tolist() == list(range(10))


def test_gradients_are_compared_output_by_output_of_weights() -> None:
    weights = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    turned = torch.tensor([[0.0, 3.0], [0.0, 5.0]])
    bias = torch.ones(2)
    assert plain.gradient_distance([weights, bias], [turned, -bias]) == pytest.approx(1)


def test_ridge_regression_answers_the_labels_of_its_own_points() -> None:
    features = torch.rand(4, 30, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.eye(4).double()
    assert torch.allclose(plain.ridge_answers(features, labels, features), labels, atol=1e-3)


def test_a_step_of_lamb_is_as_long_as_the_rate_times_the_tensor() -> None:
    tensor = torch.tensor([3.0, -4.0], requires_grad=True)
    before = tensor.detach().clone()
    tensor.grad = torch.tensor([1.0, 20.0])
    plain.lamb_step(torch.optim.Adam([tensor], lr=1.0), [tensor], 0.01)
    step = tensor.detach() - before
    assert float(step.norm()) == pytest.approx(0.05, rel=1e-5)
    assert (step < 0).all()


def steady(updates_a_minute: int, clock: list[float]) -> Callable[..., Iterator[Snapshot]]:
    """A way whose every update takes the same time; its set is the number of updates."""

    def snapshots(data: object, minutes: float) -> Iterator[Snapshot]:
        for update in range(1, 1000):
            clock[0] += 1 / updates_a_minute
            yield update, lambda update=update: update  # type: ignore[misc]

    return snapshots


def test_the_first_snapshot_at_a_goal_counts_and_scores_take_no_time(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clock = [0.0]

    def score(made: int, evaluation: str, oracle: Oracle) -> float:
        clock[0] += 100
        return min(99.0, 80 + made)

    monkeypatch.setattr(distill_peers, "score", score)
    monkeypatch.setattr(distill_peers, "clocks", lambda: (clock[0], clock[0]))
    oracle = Oracle(digits, device="cpu")
    rows = [
        distill_peers.race(name, Way(steady(rate, clock), "own", 0.25), oracle, 5.0)
        for name, rate in ((OURS, 20), (PEERS[0], 4), (PEERS[1], 1))
    ]
    assert rows[0]["updates_per_second"] == pytest.approx(20 / 60)
    assert [entry["updates"] for entry in rows[1]["curve"]] == [1, 2, 3, 5, 8, 12, 18]
    write("distill-peers", rows=rows)
    ours, slower, slowest = peers(Path("results")).rows
    assert ours[2:5] == ["0.6 (0.6)", "0.9 (0.9)", "0.9 (0.9)"]
    assert slower[2] == "3.0 (3.0)"
    assert slower[-1] == "5.0 times as long"
    assert slowest[2] == "not within 5.0"
    assert slowest[-1] == "more than 8.3 times as long"


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(UserError, match="unknown row"):
        distill_peers.compare(only="guess")
