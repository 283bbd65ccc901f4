"""Protocols of classifiers on frozen features: `transfer-...` and `autoencoder-...`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reproduce.errors import UserError
from reproduce.protocols.names import PROTOCOLS, Protocol, family
from reproduce.scoring.classifier import Classifier
from reproduce.support.text import brief

if TYPE_CHECKING:
    from reproduce.scoring.classifier import Embedding

FORM = "transfer-BACKBONE-LAYER-HEAD"
NAME = re.compile(
    r"transfer-(?P<backbone>\w+)-(?P<layer>[\w.]+)(-(?P<grid>[1-9]\d?)x(?P=grid))?-(?P<head>[a-z-]+?)"
    r"(-shift(?P<shifts>[1-9]|10))?"
)


@family("transfer")
def transfer(name: str) -> Protocol:
    """The protocol of a name of this form, with torchvision's weights."""
    return _transfer(name, None)


@cache
def _transfer(name: str, weights: Path | None) -> Protocol:
    """The protocol of a name of this form, with torchvision's weights or those of a file.

    `transfer-resnet18-layer3-4x4-logistic-shift1` is logistic regression on what block `layer3` of
    ResNet-18 answers, averaged to 4 x 4 cells, and learns from shifted copies, too.

    Raises
    ------
    UserError
        For a name of another form, an unknown backbone, layer or head, and weights that cannot be
        had.
    """
    match = NAME.fullmatch(name)
    if not match:
        raise UserError(
            f"protocol {brief(name)} is not {FORM}, as transfer-resnet18-layer3-logistic; "
            "`supertrainer protocols transfer` lists backbones"
        )
    from reproduce.transfer.backbones import Backbone

    backbone, layer, head = match["backbone"], match["layer"], match["head"]
    _check_head(head)
    embedding = Backbone.load(backbone, layer, weights, int(match["grid"] or 1))
    return _classified(embedding, head, int(match["shifts"] or 0))


@family("autoencoder")
def autoencoder(name: str) -> Protocol:
    """Refuse a name that is not registered: the autoencoder learns from all of the data."""
    raise UserError(f"{name} is not known; `supertrainer reproduce problems` trains autoencoder-64")


def use_weights(names: Iterable[str], weights: Path) -> None:
    """Register every `transfer-...` protocol in these names with the weights of a file.

    Raises
    ------
    UserError
        For a name of another form, an unknown backbone, layer or head, unsuitable weights, and
        where no name is one of a transfer.
    """
    parts = [part.partition("+")[0] for name in names for part in name.split("&")]
    found = [part for part in parts if part.startswith("transfer-")]
    if not found:
        raise UserError(f"--weights has no effect without a protocol {FORM}; leave it out")
    for part in found:
        PROTOCOLS[part] = _transfer(part, weights)


def on_features(embedding: Embedding, head: str, shifts: int = 0) -> str:
    """Register a classifier on frozen features as a protocol, and return its name.

    Parameters
    ----------
    embedding : Backbone or Autoencoder
    head : str
        A name of `reproduce.transfer.heads`; the essay's is `mlp`.
    shifts : int
        Train on every displacement of up to this many pixels, too.

    Raises
    ------
    UserError
        For an unknown head.
    """
    _check_head(head)
    name = features_name(embedding, head, shifts)
    PROTOCOLS[name] = _classified(embedding, head, shifts)
    return name


def features_name(embedding: Embedding, head: str, shifts: int = 0) -> str:
    """The name of a protocol of `on_features`."""
    return f"{embedding.title}-{head}" + (f"-shift{shifts}" if shifts else "")


def _check_head(head: str) -> None:
    from reproduce.transfer import heads

    if head not in heads.HEADS:
        raise UserError(f"unknown head {head!r}, use one of {', '.join(heads.HEADS)}")


def _classified(embedding: Embedding, head: str, shifts: int) -> Protocol:
    from reproduce.transfer import heads

    return lambda candidate: Classifier(heads.HEADS[head], embedding, shifts)
