"""The tracked records computed anew, beside every published number: `make check-published`.

One line is printed for each. Full MNIST takes hours and wants a further flag, `--full-mnist`.
"""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from reproduce import Dataset, Oracle
from reproduce.essay import comparison, draws
from reproduce.essay.comparison import Cell
from reproduce.records import read
from reproduce.summary import summarise

SPREADS = json.loads(files("reproduce.essay").joinpath("published.json").read_text())["spreads"]
SEEDS = range(5)
SURE = 0.999  # of one test: they are many
RECORDS = "runs/check-published.jsonl"  # what was scored once is not trained again
TRACKED = Path(__file__).resolve().parents[3] / "results" / "records" / "essay.jsonl"
CELLS = comparison.compare_draws(read(TRACKED))


def title(cell: Cell) -> str:
    number = cell.published
    return f"{number.protocol} {f'RMNIST/{number.ipc} {cell.draw}' if number.ipc else 'MNIST'}"


@pytest.mark.published
@pytest.mark.parametrize("cell", CELLS, ids=title)
def test_fresh_replicates_are_those_on_record(
    mnist: Dataset, cell: Cell, request: pytest.FixtureRequest
) -> None:
    """So the verdicts of the README's table, which rest on the records, hold here, too."""
    number, recorded = cell.published, cell.ours
    full = number.ipc == 0
    if full and not request.config.getoption("--full-mnist"):
        pytest.skip("full MNIST")
    candidate = draws.rmnist(mnist, number.ipc, cell.draw or "figures")
    seeds = SEEDS[:1] if full and number.protocol.startswith("conv") else SEEDS
    ours = summarise(Oracle(mnist, RECORDS).score(candidate, number.protocol, seeds))
    reach = comparison.LAST_DIGIT
    if number.random and recorded.n > 1:
        reach = comparison.reach_of(recorded, ours.n, SURE)
    print(
        f"\n{title(cell):34} published {number.accuracy:5.2f}, on record {recorded} "
        f"(n={recorded.n}, {cell.verdict}), now {ours} (n={ours.n}), may be {reach:.2f} off"
    )
    if number.random and recorded.n == 1:
        pytest.skip("one run on record has no spread")
    assert abs(ours.mean - recorded.mean) <= reach


@pytest.mark.published
@pytest.mark.parametrize("spread", SPREADS, ids=lambda s: f"{s['protocol']}/{s['ipc']} {s['draw']}")
def test_conv_falls_in_the_measured_spread(mnist: Dataset, spread: dict) -> None:
    """Beside a plain loop's five seeds: Student's test of two means of unequal spread (Welch)."""
    from scipy import stats

    candidate = draws.rmnist(mnist, spread["ipc"], spread["draw"])
    ours = summarise(Oracle(mnist, RECORDS).score(candidate, spread["protocol"], SEEDS))
    test = stats.ttest_ind_from_stats(
        ours.mean, ours.sd, ours.n, spread["mean"], spread["sd"], 5, equal_var=False
    )
    line = f"{spread['mean']} ± {spread['sd']}, ours {ours.mean:.2f} ± {ours.sd:.2f} (sd, n=5)"
    print(f"{spread['protocol']}/{spread['ipc']} {spread['draw']}: {line}, p = {test.pvalue:.3f}")
    assert test.pvalue > 1 - SURE, line
