"""The learning rate of the set: it rises where a learned set goes on, and falls to what is left."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill import DistillConfig, Distiller, distill, schedule
from reproduce import Dataset

RATE = 0.01
TINY = DistillConfig(
    method="krr", steps=8, width=2, depth=1, inner_steps=2, batch=10, image_lr=RATE, reuse=1
)


@given(cool=st.floats(0, 1), parts=st.tuples(st.floats(-1, 2), st.floats(-1, 2)))
def test_a_rate_falls_from_one_to_what_is_left(cool: float, parts: tuple[float, float]) -> None:
    first, last = (schedule.cooled(part, cool) for part in sorted(parts))
    assert 1 + 1e-12 >= first >= last - 1e-12 >= cool - 2e-12
    assert schedule.cooled(0, cool) == pytest.approx(1)
    assert schedule.cooled(1, cool) == pytest.approx(cool)
    assert schedule.cooled(0.5, cool) == pytest.approx((1 + cool) / 2)


@given(part=st.floats(-1, 2))
def test_all_of_a_rate_may_be_left(part: float) -> None:
    assert schedule.cooled(part, 1) == 1


def test_a_rate_rises_in_a_line_and_stays() -> None:
    rates = [schedule.warmed(step) for step in range(3 * schedule.WARM)]
    assert rates[0] == 1 / schedule.WARM
    assert rates[schedule.WARM // 2 - 1] == 0.5
    assert set(rates[schedule.WARM - 1 :]) == {1}


def rates_of(data: Dataset, config: DistillConfig, group: int = 0) -> list[float]:
    """The rate after each update: of images and labels, or of the second group, temperatures."""
    distiller = Distiller(data, replace(config, checks=1))
    rates = []
    for state in distiller.run():
        if state.progress.step > len(rates):
            rates.append(distiller.optimiser.param_groups[group]["lr"])
    return rates


def test_runs_warm_up_only_where_they_go_on_from_a_learned_set(
    digits: Dataset, tmp_path: Path
) -> None:
    learned = distill(digits, replace(TINY, steps=1, checks=1)).save(tmp_path / "learned.npz")
    steady, goes_on = replace(TINY, cool=1), replace(TINY, cool=1, start=str(learned))
    assert rates_of(digits, steady) == pytest.approx([RATE] * 8)
    rising = [RATE * (step + 1) / schedule.WARM for step in range(8)]
    assert rates_of(digits, goes_on) == pytest.approx(rising)
    for config in (steady, goes_on):  # temperatures are of no set, and never warm
        assert rates_of(digits, config, group=1) == pytest.approx([schedule.TEMPERATURE_RATE] * 8)


@pytest.mark.parametrize("cool", [0.1, 0.5])
def test_runs_cool_down_to_the_part_that_is_asked_for(digits: Dataset, cool: float) -> None:
    rates = rates_of(digits, replace(TINY, steps=50, cool=cool))
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(RATE)
    assert rates[-1] == pytest.approx(RATE * cool, rel=0.02)
