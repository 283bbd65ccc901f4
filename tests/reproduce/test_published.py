"""Noisy published and measured numbers: minutes, so behind `make check-published`."""

import json
from importlib.resources import files

import pytest

from reproduce import Dataset, Oracle, comparison, essay

SPREADS = json.loads(files("reproduce").joinpath("published.json").read_text())["spreads"]
SEEDS = range(5)


@pytest.mark.published
@pytest.mark.parametrize("spread", SPREADS, ids=lambda s: f"{s['protocol']}/{s['ipc']} {s['draw']}")
def test_conv_falls_in_the_measured_spread(mnist: Dataset, spread: dict) -> None:
    candidate = essay.rmnist(mnist, spread["ipc"], spread["draw"])
    records = Oracle(mnist, "runs/check-published.jsonl").score(
        candidate, spread["protocol"], SEEDS
    )
    ours = comparison.summarise(records)
    # Both means come from five seeds: two standard deviations of their difference.
    reach = 2 * (ours.sd**2 / ours.n + spread["sd"] ** 2 / 5) ** 0.5
    line = f"{spread['mean']} ± {spread['sd']}, ours {ours.mean:.2f} ± {ours.sd:.2f} (sd, n=5)"
    print(f"{spread['protocol']}/{spread['ipc']} {spread['draw']}: {line}")
    assert abs(ours.mean - spread["mean"]) <= reach + spread["sd"], line


@pytest.mark.published
@pytest.mark.parametrize("protocol", ["tree", "forest", "mlp"])
def test_random_baselines_stand_beside_published(mnist: Dataset, protocol: str) -> None:
    draws = [essay.rmnist(mnist, n) for n in (1, 5, 10)]
    records = Oracle(mnist).score_many(draws, protocol, SEEDS)
    for cell in comparison.compare(records, "table"):
        print(f"{protocol}/{cell.published.ipc}: {cell.published.accuracy}, ours {cell.ours}")
        assert cell.verdict == "inside our spread"
