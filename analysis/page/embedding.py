"""The page: where sets lie, beside real images, on the map and within their classes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.figures import charts
from analysis.figures.exhibits import Exhibit
from analysis.figures.plots import by_class, tile
from analysis.measure import effects
from analysis.origins import Fact, Number, Origins
from analysis.page.sections import byte_tile, data_uri, per_class
from analysis.results import Analysis, Results
from analysis.sources import Source
from reproduce.candidate import Candidate

POINTS = 100.0
REAL = 0.01  # distance below which an image is its neighbour
KIN = 20  # images of a set that are shown beside their neighbours


@dataclass(frozen=True)
class Neighbour:
    """One image, the real one nearest to it, and what is lost without it."""

    label: str
    own: str
    nearest: str
    nearest_label: str
    index: int
    distance: Fact
    extremity: Fact
    lost: Number | None


@dataclass(frozen=True)
class Kin:
    """A set's images with their neighbours: all of them, or of a large set the most extreme.

    `share` is that of one class among all, in percent.
    """

    analysis: Analysis
    images: list[Neighbour]
    total: int
    usual: Fact
    share: float


def kin(results: Results, origins: Origins) -> list[Kin]:
    """Every analysed set with its images' neighbours."""
    found = []
    for analysis in results.ordered_analyses():
        candidate = results.candidates[analysis["candidate"]]
        origin = origins.analyses([analysis])
        source = results.source_of(analysis)
        shown = [
            _neighbour(candidate, source, analysis, i, origin, origins)
            for i in _shown(candidate, analysis)
        ]
        usual = Fact(f"{analysis['usual']:.1f}", origin)
        found.append(Kin(analysis, shown, len(candidate), usual, POINTS / candidate.classes))
    return found


def _shown(candidate: Candidate, analysis: Analysis) -> list[int]:
    """Positions by class; of a large set those farthest from real images, or from their mean."""
    if len(candidate) <= KIN:
        return by_class(candidate).tolist()
    distances = [round(image["distance"], 1) for image in analysis["nearest"]]
    extreme = np.lexsort((analysis["extremity"], distances))[::-1][:KIN]
    return extreme.tolist()


def _neighbour(
    candidate: Candidate, source: Source, analysis: Analysis, i: int, origin: int, origins: Origins
) -> Neighbour:
    nearest = analysis["nearest"][i]
    lost = None
    if "leave_one_out" in analysis:
        values = analysis["leave_one_out"][i]
        lost = Number(effects.lost_without(analysis)[i], origins.analyses([analysis], values))
    real = nearest["distance"] < REAL
    return Neighbour(
        source.class_name(int(candidate.hard_labels()[i])),
        data_uri(tile(candidate.images[i])),
        byte_tile(nearest["pixels"]),
        source.class_name(nearest["label"]),
        nearest["index"],
        Fact("real" if real else f"{nearest['distance']:.1f} away", origin),
        Fact(f"{POINTS * analysis['extremity'][i]:.1f} %", origin),
        lost,
    )


def neighbour_rows(results: Results) -> dict[str, list[list[Any]]]:
    """Every image of every analysed set with its neighbour, by the file name of the table."""
    return {
        f"neighbours-{results.file_names[analysis['candidate']]}": [
            [i, image["index"], image["label"], f"{image['distance']:.4f}", f"{POINTS * share:.4f}"]
            for i, (image, share) in enumerate(
                zip(analysis["nearest"], analysis["extremity"], strict=True)
            )
        ]
        for analysis in results.ordered_analyses()
    }


def places(results: Results, origins: Origins) -> list[Exhibit]:
    """The map and how typical the images of each set are, for each budget."""
    exhibits = []
    for (source, ipc), analyses in results.analyses_by_budget().items():
        embedding = results.maps.get(source.checksum)
        here = embedding["sets"] if embedding else {}
        shown = [results.candidates[a["candidate"]] for a in analyses if a["candidate"] in here]
        if embedding and shown:
            exhibits.append(
                Exhibit(
                    f"map-{source.key}-{ipc:g}",
                    f"Map of training images of {source.title}, sets of {per_class(ipc)} in it",
                    charts.where_they_lie(embedding, source, shown),
                    ["set", "class", "x", "y"],
                    [
                        [candidate.name, source.class_name(label), x, y]
                        for candidate in shown
                        for x, y, label in _points(here[candidate.hash])
                    ],
                    origins.analyses([embedding]),
                )
            )
        exhibits.append(
            Exhibit(
                f"typicality-{source.key}-{ipc:g}",
                f"How extreme each image is within its class, {per_class(ipc)}, {source.title}",
                charts.typicality(analyses),
                ["set", "image", "more typical in its class, %"],
                [
                    [a["name"], n, f"{POINTS * value:.2f}"]
                    for a in analyses
                    for n, value in enumerate(a["extremity"])
                ],
                origins.analyses(analyses),
            )
        )
    return exhibits


def _points(found: Analysis) -> list[tuple[float, float, int]]:
    return list(zip(found["x"], found["y"], found["label"], strict=True))
