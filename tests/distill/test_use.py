"""The page for those who have only the file: its code, run as it stands."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from distill import DistillConfig, distill
from reproduce import Candidate, Dataset, Oracle

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "use-a-super-trainer.md"
FILE = ROOT / "results" / "sets" / "distilled-ipc1.npz"


def run_page(path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Answers (N,) of the network that the page's code trains."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.setattr("sys.argv", ["page", str(path)])
    names: dict = {}
    exec(code, names)
    with torch.no_grad():
        answers: np.ndarray = names["network"](names["seen"](torch.tensor(pixels))).argmax(1)
    return np.asarray(answers)


@pytest.mark.parametrize("recipe", ["ridge", "adam"])
def test_the_page_trains_what_the_oracle_trains(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    config = DistillConfig(
        method="krr", steps=160, width=8, protocols=(recipe,), image_lr=0.02, inner_lr=3e-3
    )
    found = distill(digits, replace(config, inner_steps=40, batch=128, checks=1))
    path = found.save(tmp_path / "set.npz")
    answers = run_page(path, digits.validation.images, monkeypatch)
    by_page = 100 * (answers == digits.validation.labels).mean()
    records = Oracle(digits, workers=1).score(found, "own", range(4))
    by_oracle = [record["accuracy"] for record in records]
    assert np.mean(by_oracle) > 40
    assert by_page == pytest.approx(np.mean(by_oracle), abs=4 * np.std(by_oracle) + 4)


@pytest.mark.skipif(not FILE.exists(), reason="no super-trainer in results yet")
def test_the_tracked_set_works_by_the_page_alone(
    mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Candidate.load(FILE).recipe is not None
    some = mnist.validation.stratified(500)
    answers = run_page(FILE, some.images, monkeypatch)
    assert (answers == some.labels).mean() > 0.9
