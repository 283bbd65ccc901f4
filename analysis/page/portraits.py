"""Sets as images: their portraits, their neighbours among real images, and what they confuse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.figures.chart import Chart
from analysis.figures.confusion import confusion_charts
from analysis.figures.labels import learned_charts
from analysis.figures.pictures import (
    by_class,
    columns_of,
    data_uri,
    learned_words,
    sheet,
    some_of_each,
    span,
    start_classes,
    tile,
)
from analysis.formats import square
from analysis.measure.effects import lost_without
from analysis.origins import Fact, Number, Origins
from analysis.results import Analysis, Results
from analysis.sources import Source
from reproduce.candidate import Candidate

MOST = 500  # images of a portrait
SHOWN = 20  # images of a set that are shown beside their neighbours
SAME = 0.01  # distance below which an image and its neighbour are the same
CONFUSED = 12  # images that networks get wrong


@dataclass(frozen=True)
class Portrait:
    """A candidate with its images, and charts of its labels and learning rates."""

    candidate: Candidate
    path: str
    sheet: str
    source: Source
    span: str
    learned: str
    labels: list[str]
    charts: list[Chart]


def portraits(results: Results, origins: Origins) -> list[Portrait]:
    """A portrait of every candidate, the smallest sets first."""
    found = []
    for candidate in sorted(results.candidates.values(), key=lambda c: (c.ipc, c.name, c.hash)):
        order = some_of_each(candidate, MOST)
        source = results.sources[candidate.checksum]
        found.append(
            Portrait(
                candidate,
                results.paths[candidate.hash],
                data_uri(sheet(candidate.images[order], columns_of(candidate))),
                source,
                span(candidate),
                learned_words(candidate, source.class_name),
                [source.class_name(int(label)) for label in start_classes(candidate)[order]],
                learned_charts(results, candidate, origins),
            )
        )
    return found


@dataclass(frozen=True)
class Neighbour:
    """One image, the real image nearest to it, and the accuracy that is lost without it."""

    label: str
    own: str
    nearest: str
    nearest_label: str
    index: int
    distance: Fact
    extremity: Fact
    lost: Number | None


@dataclass(frozen=True)
class Neighbours:
    """Images of a set with their neighbours: all, or the most extreme of a large set.

    Attributes
    ----------
    name : str
        The set, as a part of file names.
    total : int
        Images of the set.
    usual : Fact
        The usual distance between a real image and the real image nearest to it.
    share : float
        One class among all, in percent.
    """

    analysis: Analysis
    name: str
    images: list[Neighbour]
    total: int
    usual: Fact
    share: float


def neighbours(results: Results, origins: Origins) -> list[Neighbours]:
    """Every analysed set with the neighbours of its images."""
    found = []
    for analysis in results.ordered_analyses():
        candidate, source = results.candidates[analysis["candidate"]], results.source_of(analysis)
        images = [
            _neighbour(candidate, source, analysis, image, origins)
            for image in _most_extreme(candidate, analysis)
        ]
        name = results.file_names[candidate.hash]
        usual = Fact(f"{analysis['usual']:.1f}", origins.analyses([analysis]))
        share = 100 / candidate.classes
        found.append(Neighbours(analysis, name, images, len(candidate), usual, share))
    return found


def _most_extreme(candidate: Candidate, analysis: Analysis) -> list[int]:
    """All images by class; of a large set those farthest from real images, or from their mean."""
    if len(candidate) <= SHOWN:
        return by_class(candidate).tolist()
    distances = [round(image["distance"], 1) for image in analysis["nearest"]]
    return np.lexsort((analysis["extremity"], distances))[::-1][:SHOWN].tolist()


def _neighbour(
    candidate: Candidate, source: Source, analysis: Analysis, image: int, origins: Origins
) -> Neighbour:
    nearest, origin = analysis["nearest"][image], origins.analyses([analysis])
    lost = None
    if "leave_one_out" in analysis:
        values = analysis["leave_one_out"][image]
        lost = Number(lost_without(analysis)[image], origins.analyses([analysis], values))
    distance = nearest["distance"]
    return Neighbour(
        source.class_name(int(start_classes(candidate)[image])),
        data_uri(tile(candidate.images[image])),
        data_uri(tile(square(nearest["pixels"]))),
        source.class_name(nearest["label"]),
        nearest["index"],
        Fact("the same image" if distance < SAME else f"distance {distance:.1f}", origin),
        Fact(f"{100 * analysis['extremity'][image]:.1f} %", origin),
        lost,
    )


@dataclass(frozen=True)
class Confusion:
    """What networks trained on a set confuse.

    Attributes
    ----------
    images : list of dict
        The images that most networks get wrong: `index`, `label`, `said` and `tile`, an address.
    """

    analysis: Analysis
    chart: Chart
    images: list[dict[str, object]]


def confusions(results: Results, origins: Origins) -> list[Confusion]:
    """What networks trained on each analysed set confuse."""
    found = []
    charts = confusion_charts(results, origins)
    for analysis in results.ordered_analyses():
        source = results.source_of(analysis)
        images = [
            {
                "index": image["index"],
                "label": source.class_name(image["label"]),
                "said": source.class_name(image["said"]),
                "tile": data_uri(tile(square(image["pixels"]))),
            }
            for image in analysis["confused"][:CONFUSED]
        ]
        found.append(Confusion(analysis, charts[analysis["candidate"]], images))
    return found
