"""Figures show what the records say, and are the same bytes for the same records."""

from typing import Any

from analysis.figures.essay import essay_spread
from analysis.figures.style import svg
from reproduce import Dataset, Oracle
from reproduce.essay import draws


def test_spread_shows_every_replicate_and_the_published_number(mnist: Dataset) -> None:
    sets = [draws.rmnist(mnist, 1, draw) for draw in draws.DRAWS]
    records = [
        record | {"protocol": "conv", "images": None}
        for record in Oracle(mnist).score_many(sets, "tree", range(3))
        if record["draw"] == "table"
    ]
    figure = essay_spread(records)
    panel = figure.axes[0]
    shown = sorted(y for _, y in panel.collections[0].get_offsets().tolist())
    assert shown == sorted(record["accuracy"] for record in records)  # one set in both draws
    heights = {segment[0][1] for lines in panel.collections for segment in segments(lines)}
    assert 56.91 in heights
    assert svg(figure) == svg(essay_spread(records))


def segments(collection: Any) -> list:
    return collection.get_segments() if hasattr(collection, "get_segments") else []
