"""Keys of learners: they change with everything that a score depends on, and with nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reproduce import Candidate, protocols
from reproduce.images import augment, deskew, distort
from reproduce.recipe import Recipe
from reproduce.scoring import classifier
from reproduce.scoring.classifier import Classifier, settings_of
from reproduce.scoring.mixture import Mixture
from reproduce.scoring.network import Network
from reproduce.support.constants import OnRecord
from reproduce.transfer import autoencoder, backbones
from reproduce.transfer.autoencoder import Autoencoder
from reproduce.transfer.backbones import Backbone
from reproduce.transfer.heads import HEADS, TorchHead

RESULTS = Path(__file__).resolve().parents[3] / "results"
DC = Network(Recipe(model="convnet", reshuffle=True, augment="dc"))
PLAIN = Network(Recipe())
ENCODER = Autoencoder("", "run", (28, 28), 8)
BACKBONE = Backbone("squeezenet1_1", "features")


def sized(ipc: int) -> Candidate:
    """A candidate of so many images a class; protocols look at its size alone."""
    images = np.zeros((10 * ipc, 1, 2, 2), np.float32)
    labels = np.arange(10).repeat(ipc)
    return Candidate(images, labels, name="x", method="x", dataset="x", checksum="x")


DISTORTED = protocols.learner("conv+rotate=10", sized(1))
UPRIGHT = Network(Recipe(model="convnet", deskew=True))
KNN = protocols.learner("knn", sized(1))
USERS = [
    (augment, [DC, Mixture((DC, KNN))], [PLAIN, DISTORTED, KNN]),
    (distort, [DISTORTED], [PLAIN, DC, KNN]),
    (deskew, [UPRIGHT, protocols.learner("best", sized(1))], [PLAIN, DC]),
    (classifier, [KNN, Mixture((DC, KNN))], [DC, Classifier(HEADS["nearest"], ENCODER)]),
]


@pytest.mark.parametrize(("module", "users", "others"), USERS)
def test_a_changed_constant_changes_the_learners_that_use_it(
    monkeypatch: pytest.MonkeyPatch, module: object, users: list, others: list
) -> None:
    before = [learner.fingerprint() for learner in [*users, *others]]
    keys = [learner.key() for learner in [*users, *others]]
    for name in module.ON_RECORD.values:  # type: ignore[attr-defined]
        with monkeypatch.context() as patched:
            patched.setattr(module, name, 3.5)
            after = [learner.fingerprint() for learner in [*users, *others]]
            changed = [a != b for a, b in zip(after, before, strict=True)]
            assert changed == [True] * len(users) + [False] * len(others), name
            # Candidates carry recipes' keys in their hashes: these never change.
            assert [learner.key() for learner in [*users, *others]] == keys


def test_a_changed_constant_changes_the_features_of_a_backbone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = BACKBONE.key()
    for name in backbones.ON_RECORD.values:
        with monkeypatch.context() as patched:
            patched.setattr(backbones, name, 3.5)
            assert BACKBONE.key() != before


def test_constants_stand_at_their_values_on_record() -> None:
    for module in (augment, distort, deskew, classifier, backbones, autoencoder):
        record: OnRecord = module.ON_RECORD  # type: ignore[attr-defined]
        assert record.module == module.__name__
        assert not record.changes()


def test_the_settings_of_a_head_are_part_of_its_key() -> None:
    keys = {Classifier(make, ENCODER).key() for make in HEADS.values()}
    assert len(keys) == len(HEADS)
    told = {"logistic": "C=0.01", "linear-svm": "kernel='linear'", "mlp": "(300)"}
    for head, setting in told.items():
        assert setting in Classifier(HEADS[head], ENCODER).key()
    torch = HEADS["torch"](0)
    for name, value in torch.get_params().items():
        other = TorchHead(**{**torch.get_params(), name: value + 1})
        assert settings_of(other) != settings_of(torch), name
    random = {head for head, make in HEADS.items() if Classifier(make).random}
    assert random == {"mlp", "torch"}


def on_record() -> Iterator[tuple[str, int, str]]:
    for path in RESULTS.rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            name = record.get("protocol", "own")
            if record.get("plan") and "transfer-" not in name and "autoencoder-" not in name:
                yield name, record["ipc"], record["plan"]


def test_plans_on_record_are_those_of_today() -> None:
    asked = {row for row in on_record() if row[0] in protocols.PROTOCOLS or "+" in row[0]}
    assert len(asked) > 100
    for name, ipc, plan in asked:
        if name != "own":
            assert protocols.learner(name, sized(ipc)).fingerprint() == plan, (name, ipc)
