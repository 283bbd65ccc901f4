"""The nearest real image of every image of the analysed sets."""

from __future__ import annotations

from analysis.results import Results
from reproduce.support.table import Table

HEAD = ("image", "nearest real image", "its label", "distance", "more typical in its class, %")


def neighbour_tables(results: Results) -> dict[str, Table]:
    """A table for each analysed set, by file name."""
    return {
        f"neighbours-{results.file_names[analysis['candidate']]}": Table(
            HEAD,
            [
                [n, image["index"], image["label"], f"{image['distance']:.4f}", f"{100 * x:.4f}"]
                for n, (image, x) in enumerate(
                    zip(analysis["nearest"], analysis["extremity"], strict=True)
                )
            ],
        )
        for analysis in results.ordered_analyses()
    }
