"""The command `study`: how far a search has come, its best sets, and its curve."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import optuna
import typer
from optuna.trial import FrozenTrial

from reproduce.commands.options import WHERE, DataChoice, configured
from reproduce.commands.terminal import say
from reproduce.errors import UserError
from reproduce.summary import summary_of
from reproduce.support.files import check_folder, write_whole
from reproduce.support.table import Table
from search import trials
from search.command import STORAGE, STORAGE_HELP
from search.storage import pictures, storage

BARS, WIDTH, HEIGHT = " ▁▂▃▄▅▆▇█", 64, 6  # of the curve, in characters
COLUMNS = 10  # images in a row of a picture


@configured
def study(
    name: Annotated[str, typer.Argument(help="Name of the study.")],
    choice: DataChoice,
    where: Annotated[
        str, typer.Option("--storage", help=STORAGE_HELP, rich_help_panel=WHERE)
    ] = STORAGE,
    best: Annotated[int, typer.Option(help="Number of best sets to show.", min=1)] = 5,
    export: Annotated[
        Path | None,
        typer.Option(help="Folder for the curve and the best sets as PNG.", rich_help_panel=WHERE),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print scores and best sets as JSON and nothing else.")
    ] = False,
) -> None:
    """Show how far a search has come, its best sets, and its curve of scores."""
    if export:
        check_folder(export)
    found = storage.open_study(name, where, create=False)
    scores = np.array([trials.score_of(trial) for trial in trials.finished(found)])
    if not len(scores):
        raise UserError(f"study {name!r} has no scored set yet; run it for longer")
    leading = trials.ranked(found)[:best]
    if as_json:
        sets = [
            {"score": trials.score_of(trial), "indices": trial.user_attrs["indices"]}
            for trial in leading
        ]
        print(json.dumps({"study": name, "scores": scores.tolist(), "best": sets}))
    else:
        say(progress_of(found, scores), curve(np.maximum.accumulate(scores)))
        say(best_sets(name, leading))
    if export:
        export_pictures(found, leading, scores, choice, export)


def export_pictures(
    study: optuna.Study,
    leading: Sequence[FrozenTrial],
    scores: np.ndarray,
    choice: DataChoice,
    folder: Path,
) -> None:
    """Write the curve and the best sets as PNG files.

    Raises
    ------
    UserError
        Where the data is not that of the study.
    """
    data, name = choice.open(), study.study_name
    if study.user_attrs["settings"]["data"] != data.checksum:
        raise UserError(f"study {name!r} is of other data; name them with --dataset")
    write_whole(folder / f"{name}-curve.png", curve_picture(scores, name))
    for rank, trial in enumerate(leading, start=1):
        images = data.train.images[trial.user_attrs["indices"]]
        write_whole(folder / f"{name}-best-{rank}.png", pictures.grid(images, COLUMNS))
    say(f"PNG files: {folder.resolve()}", stderr=True)


def progress_of(study: optuna.Study, scores: np.ndarray) -> str:
    """How many sets were scored, under what, and for how long."""
    known = study.user_attrs.get("settings", {})
    dropped = len(scores) - len(trials.ranked(study))
    times = [t.datetime_start for t in trials.finished(study) if t.datetime_start]
    minutes = (max(times) - min(times)).total_seconds() / 60 if times else 0.0
    early = f", {dropped} of them dropped early" if dropped else ""
    return (
        f"{study.study_name}: {known.get('method')} under {known.get('protocol')}, "
        f"{len(scores):,} sets scored{early}, over {minutes:.1f} minutes.\n"
        "The best score so far, in percent, by the number of sets; the best of many noisy scores "
        "is too high:"
    )


def curve(values: np.ndarray) -> str:
    """Values as a chart of text, the last of each column, between their least and largest."""
    picks = np.unique(np.linspace(0, len(values) - 1, min(WIDTH, len(values))).astype(int))
    shown, low, high = values[picks], float(values[0]), float(values[-1])
    heights = np.rint((shown - low) / max(high - low, 1e-9) * HEIGHT * (len(BARS) - 1))
    lines = []
    for row in range(HEIGHT - 1, -1, -1):
        levels = np.clip(heights - row * (len(BARS) - 1), 0, len(BARS) - 1).astype(int)
        label = high if row == HEIGHT - 1 else low if row == 0 else None
        margin = f"{label:6.2f}" if label is not None else " " * 6
        lines.append(f"{margin} ┤{''.join(BARS[level] for level in levels)}")
    return "\n".join([*lines, f"{'':8}1{len(values):>{max(1, len(shown) - 1)}}"])


def best_sets(name: str, leading: Sequence[FrozenTrial]) -> Table:
    """The best sets by their scores while searching."""
    rows = []
    for rank, trial in enumerate(leading, start=1):
        score = summary_of(trials.scores_of(trial))
        images = " ".join(map(str, trial.user_attrs["indices"]))
        rows.append([rank, trial.user_attrs["position"] + 1, score, score.counted, images])
    head = ["rank", "set", "search score, %", "n", "training images"]
    return Table(head, rows, f"The best sets of {name}", right=(0, 1))


def curve_picture(scores: np.ndarray, name: str) -> bytes:
    """Every score and the best so far, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(np.arange(1, len(scores) + 1), scores, ".", markersize=3, label="each set")
    axes.plot(np.arange(1, len(scores) + 1), np.maximum.accumulate(scores), label="best so far")
    axes.set(xlabel="sets scored", ylabel="search score, %", title=name)
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
