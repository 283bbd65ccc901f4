"""Pictures that documents show, made from results."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from analysis.figures import curves, essay, scaling, style
from analysis.figures.three_sets import three_sets
from reproduce.records import read
from reproduce.support.files import read_input

# Pictures by the name under which documents show them; None where nothing is measured yet.
PICTURES: dict[str, Callable[[Path], Figure | None]] = {
    "essay-spread.svg": lambda results: essay.essay_spread(read(results / "records/essay.jsonl")),
    "scaling.svg": scaling.scaling,
    "search-methods.svg": curves.search_methods,
    "distill-methods.svg": curves.distill_methods,
    "distill-conv.svg": partial(curves.distill_methods, table="conv"),
    "distill-runs.svg": curves.distill_runs,
    "docs/three-sets.svg": three_sets,
}


def pictures(document: Path, results: Path) -> dict[Path, bytes]:
    """The pictures that a Markdown file shows and that are made from results, as SVG."""
    text = read_input(document).decode()
    made = {name: make(results) for name, make in PICTURES.items() if f"({name})" in text}
    return {document.parent / name: style.svg(found) for name, found in made.items() if found}
