"""Devices are found without PyTorch where they can be; networks are computed with one thread."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reproduce import Candidate, Dataset, Oracle, UserError
from reproduce.scoring.classifier import Classifier
from reproduce.scoring.learners import Answer, Learner, Replicate
from reproduce.support import threads
from reproduce.transfer.autoencoder import Autoencoder
from reproduce.transfer.heads import HEADS


def test_a_gpu_is_used_where_pytorch_finds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert threads.default_device() == threads.usable_device("auto") == device


def test_pytorch_is_asked_where_the_driver_of_a_gpu_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(threads, "DRIVERS", ("no such library",))
    monkeypatch.setattr(threads, "AMD_DRIVER", tmp_path / "kfd")
    assert not threads._driver_is_there()
    (tmp_path / "kfd").touch()
    assert threads._driver_is_there()
    monkeypatch.setattr(threads, "AMD_DRIVER", tmp_path / "nowhere")
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if library.exists():  # any library that can be loaded, under an NVIDIA driver's name
        monkeypatch.setattr(threads, "DRIVERS", ("no such library", str(library)))
        assert threads._driver_is_there()


def test_a_stack_is_computed_with_one_thread_of_torch(
    digits: Dataset, ten: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is one of scikit-learn's estimators on pixels, which does without torch."""
    used: list[int] = []

    def score(self: Learner, replicates: list[Replicate], *_: object) -> list[Answer]:
        used.append(torch.get_num_threads())
        return [Answer(0.0) for _ in replicates]

    monkeypatch.setattr(Learner, "score", score)
    torch.set_num_threads(2)
    for protocol in ("conv", "knn&conv", "kernel-conv", "knn"):
        Oracle(digits, workers=1).score(ten, protocol, [0])
    assert used == [1, 1, 1, 1]
    assert torch.get_num_threads() == 2
    embedded = [Classifier(make, Autoencoder("", "", (28, 28), 4)) for make in HEADS.values()]
    users = [learner.uses_torch for learner in (*embedded, Classifier(HEADS["torch"]))]
    assert all(users)


@pytest.mark.parametrize("name", ["nonsense", "cuda:99", "vulkan", "hpu", ""])
def test_d_a_device_that_is_not_there_is_refused_in_one_line(name: str) -> None:
    """`vulkan` has no operations in a usual PyTorch, and `hpu` is a module that it lacks."""
    with pytest.raises(UserError, match="cannot be used") as refused:
        threads.usable_device(name)
    assert "\n" not in str(refused.value)
