"""The commands `protocols` and `methods`: what there is to choose from, one line each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from inspect import getdoc
from typing import Annotated, Any

import typer

from distill.config import METHODS as DISTILLATIONS
from distill.config import RECIPES
from reproduce.commands.options import JsonOption
from reproduce.commands.terminal import say
from reproduce.errors import UserError
from reproduce.protocols import FORM, PROTOCOLS, names
from reproduce.support.table import Table
from search.methods import METHODS as SEARCHES

TRANSFER = FORM.partition("-")[0]
COMPOSED = {
    "A+FIELD=VALUE": "A with distortions, as conv-shift1+rotate=15+elastic=34",
    "A&B": "the mean of the probabilities of both, as conv&knn",
    "module:function": "a learner of your own",
    FORM: f"a classifier on frozen features; `supertrainer protocols {TRANSFER}` lists backbones",
    "autoencoder-64-HEAD": "the same on an autoencoder; known to `reproduce problems`",
}


# As `distill.config.RECIPES` has them.
CARRIED = {
    "ridge": "Adam on the squared error, then the last layer by ridge regression",
    "adam": "the same, the last layer by gradient descent from zero",
    "sgd": "SGD with momentum on the cross-entropy, at learned rates",
}


def protocols(
    of: Annotated[
        str,
        typer.Argument(
            help="transfer for its backbones; transfer-BACKBONE for its layers and heads.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the protocols: the learners of `score`, `search` and `distill --for`."""
    if not of:
        found = {"protocol": {name: _summary(PROTOCOLS[name]) for name in names()} | COMPOSED}
    elif of.partition("-")[0] == TRANSFER:
        found = _of_transfer(of.partition("-")[2])
    elif of in names():
        found = {"protocol": {of: _summary(PROTOCOLS[of])}}
    else:
        raise UserError(f"unknown protocol {of!r}; `supertrainer protocols` lists all")
    _show(found, as_json)


def methods(as_json: JsonOption = False) -> None:
    """List the methods of `search` and `distill`, and the recipes that a distilled set carries."""
    searched = {name: _summary(_home("search", name)) for name in SEARCHES}
    distilled = {name: _summary(_home("distill", name)) for name in DISTILLATIONS}
    distilled = {name: text.partition(": ")[2] for name, text in distilled.items()}
    carried = {name: CARRIED[name] for name in RECIPES}
    tables = {"search --method": searched, "distill --method": distilled, "distill --for": carried}
    _show(tables, as_json)


def _of_transfer(backbone: str) -> dict[str, dict[str, str]]:
    """All backbones, or the layers of one and the heads that go on them."""
    from reproduce.transfer import backbones, heads

    if not backbone:
        listed = {f"{TRANSFER}-{name}-LAYER-HEAD": "" for name in backbones.names()}
        return {"protocol": listed}
    layers = {f"{TRANSFER}-{backbone}-{layer}-HEAD": "" for layer in backbones.layers(backbone)}
    fields = {
        "HEAD": f"one of {', '.join(heads.HEADS)}",
        "-4x4 after the layer": "its maps averaged to 4 x 4 cells; without it to one",
        "-shift1 after the head": "it learns from copies shifted by a pixel, too",
    }
    return {"protocol": layers, "part": fields}


def _home(package: str, name: str) -> Any:
    return import_module(f"{package}.methods.{name.replace('-', '_')}")


def _summary(thing: Any) -> str:
    """The first line of a docstring, without its full stop."""
    return (getdoc(thing) or "").split("\n")[0].rstrip(".")


def _show(tables: Mapping[str, Mapping[str, str]], as_json: bool) -> None:
    """Print tables, each under the heading of its names."""
    if as_json:
        print(json.dumps(tables))
        return
    for kind, rows in tables.items():
        what = ["what it is"] if any(rows.values()) else []
        cells = [[name, text][: 1 + len(what)] for name, text in rows.items()]
        say(Table([kind, *what], cells, lines=False), "")
