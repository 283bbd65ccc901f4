"""The command `read`: a network that learned a candidate reads the user's own images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from reproduce.candidate import Candidate
from reproduce.commands.options import DeviceOption, JsonOption
from reproduce.commands.terminal import say
from reproduce.images.read.legible import CENTRED, legible
from reproduce.known import STANDARD
from reproduce.support.processes import importing
from reproduce.support.table import Table


def read(
    file: Annotated[Path, typer.Argument(help="A candidate file.")],
    pictures: Annotated[
        list[Path], typer.Argument(help="Images of any size: PNG, JPEG, and so on.")
    ],
    protocol: Annotated[
        str | None,
        typer.Option(
            help="As for `score`, one that trains networks. Default: own where the file carries a "
            "recipe, else what the set was made for, else conv."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the network.", min=0)] = 0,
    epochs: Annotated[int | None, typer.Option(help="Train for at most N epochs.", min=1)] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Read your own images with a network that learned a candidate.

    Pictures are made as the images of the data are: light ink on black and, where the data is
    mnist or digits, centred. The table says what was done to each.
    """
    candidate = Candidate.load(file)
    name = protocol or protocol_of(candidate)
    height, width = candidate.images.shape[2:]
    made = [legible(path, (height, width), candidate.dataset in CENTRED) for path in pictures]
    pixels = np.stack([image for image, _ in made])[:, None]
    with importing():
        from reproduce.trained import fit
    classes = fit(candidate, name, seed, epochs=epochs, device=device).predict(pixels)
    names = class_names(candidate)
    rows = [
        {"image": str(path), "class": names[found], "done": said}
        for path, found, (_, said) in zip(pictures, classes, made, strict=True)
    ]
    if as_json:
        print(json.dumps(rows))
        return
    title = f"Read by a network that learned {candidate.name} ({name}, seed {seed})"
    say(Table(["image", "reads", "what was done to it"], [list(r.values()) for r in rows], title))


def protocol_of(candidate: Candidate) -> str:
    """The protocol that suits a candidate where the user names none."""
    return "own" if candidate.recipe else next(iter(candidate.made_for), "conv")


def class_names(candidate: Candidate) -> tuple[str, ...]:
    """The names of a candidate's classes; where they are not known, their numbers."""
    known = STANDARD.get(candidate.dataset)
    numbers = tuple(map(str, range(candidate.classes)))
    return candidate.class_names or (known.classes if known else numbers)
