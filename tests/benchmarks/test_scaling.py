"""What work costs as it grows is measured, and what processes take together is counted."""

import time
from pathlib import Path

import numpy as np
import pytest

from analysis.figures.scaling import scaling as picture
from analysis.tables.oracle import scaling as table
from benchmarks.speed import machine, scaling
from reproduce import Dataset, Fidelity

RESULTS = Path("results")
MIB = 64
LINUX = Path("/proc/self/smaps_rollup").exists()


@pytest.mark.skipif(not LINUX, reason="memory of processes is measured on Linux alone")
def test_all_rows_and_searches_are_measured(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (table(RESULTS).rows, picture(RESULTS)) == ([], None)
    small = {"LOW": Fidelity(images=100, epochs=1), "CANDIDATES": (1, 2, 9), "IPCS": (1, 2)}
    here = {
        "in_a_fresh_process": lambda call, *a: call(*a),
        "cores": lambda: 1,
        "load": lambda name: digits,
    }
    for name, value in {**small, **here}.items():
        monkeypatch.setattr(scaling, name, value)
    scaling.measure(most=2)
    rows = table(RESULTS).rows
    assert [line[:4] for line in rows[:5]] == [
        ["candidates", 1, 1, 1],
        ["candidates", 2, 1, 1],
        ["images per class", 2, 1, 1],
        ["images per class", 2, 2, 1],
        ["workers", 2, 1, 1],
    ]
    assert [line[:2] for line in rows[5:]] == [["search, random", 2], ["search, thompson", 2]]
    assert picture(RESULTS) is not None


@pytest.mark.skipif(not LINUX, reason="memory of processes is measured on Linux alone")
def test_memory_is_the_most_that_was_taken() -> None:
    """In a process of its own: in an old one, memory that was free already is taken again."""
    before, most = machine.in_a_fresh_process(before_and_most)
    assert before + MIB - 14 < most < before + 4 * MIB


def before_and_most() -> tuple[float, float]:
    """MiB of this process before `MIB` are taken, and the most that was seen meanwhile."""
    machine.Memory.APART = 0.01
    with machine.Memory() as memory:
        before = machine.shared_mib()
        held = np.ones(MIB * 2**17)  # of 8 bytes each
        ends = time.monotonic() + 30
        while memory.mib < before + MIB - 14 and time.monotonic() < ends:  # until it was looked at
            time.sleep(0.01)
    del held
    return before, memory.mib
