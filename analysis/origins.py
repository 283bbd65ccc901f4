"""Where each number on the page comes from: a list of origins that the page's numbers point to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from analysis import again
from analysis.results import Analysis
from analysis.statistics import Interval, interval_of
from reproduce.candidate import Candidate
from reproduce.records import Record
from reproduce.summary import seed_range, summarise


class Origins:
    """Origins of numbers, each kept once.

    Parameters
    ----------
    paths : mapping of str to str
        Where candidates lie, by hash: an origin names the command that scores one of them again.
    """

    def __init__(self, paths: Mapping[str, str] | None = None) -> None:
        self._places: dict[str, int] = {}
        self._paths = dict(paths or {})

    def records(self, records: Sequence[Record]) -> int:
        """The origin of a number made from these records; its place in `entries`."""

        def distinct(name: str) -> list[str]:
            return list(dict.fromkeys(str(record[name]) for record in records))

        return self._add(
            {
                "seeds": seed_range([record["seed"] for record in records]),
                "sets": len(distinct("candidate")),
                "split": ", ".join(distinct("split")),
                "values": [round(record["accuracy"], 2) for record in records],
                "commands": distinct("command"),
                "again": again.scores(records, self._paths),
                "files": distinct("file") if "file" in records[0] else [],
                "commits": distinct("commit"),
                "devices": distinct("device"),
            }
        )

    def analyses(
        self, analyses: Sequence[Analysis], values: Sequence[float] = (), network: str = ""
    ) -> int:
        """The origin of what `analyse` or `random-curve` have measured, and its values if few.

        `network` is that of which one number is, where sets are shown in several.
        """

        def distinct(name: str) -> list[str]:
            return list(dict.fromkeys(str(analysis[name]) for analysis in analyses))

        return self._add(
            {
                "seeds": seed_range([seed for a in analyses for seed in a["seeds"]]),
                "sets": len(analyses),
                "split": ", ".join(distinct("split")),
                "values": [round(value, 2) for value in values],
                "commands": distinct("command"),
                "again": self._measured(analyses, network),
                "files": distinct("file"),
                "commits": distinct("commit"),
                "devices": [],
            }
        )

    def candidate(self, candidate: Candidate, path: str) -> int:
        """The origin of what is read from a candidate's file."""
        return self._add(
            {
                "seeds": seed_range(candidate.seeds),
                "sets": 1,
                "split": "",
                "values": [],
                "commands": [candidate.command],
                "again": [again.show(path)],
                "files": [path],
                "commits": [],
                "devices": [],
            }
        )

    def joined(self, places: Sequence[int]) -> int:
        """The origin of what is made from several numbers: theirs together, without values."""
        entries = self.entries()
        parts = [entries[place] for place in dict.fromkeys(places)]

        def all_of(name: str) -> list[str]:
            return list(dict.fromkeys(text for part in parts for text in part[name]))

        return self._add(
            {
                "seeds": "; ".join(dict.fromkeys(part["seeds"] for part in parts)),
                "sets": sum(part["sets"] for part in parts),
                "split": ", ".join(dict.fromkeys(part["split"] for part in parts)),
                "values": [],
                **{
                    name: all_of(name)
                    for name in ("commands", "again", "files", "commits", "devices")
                },
            }
        )

    def _measured(self, analyses: Sequence[Analysis], network: str) -> list[str]:
        """Commands that measure analyses and curves again; maps have none but their own."""
        found = []
        for content in analyses:
            path = self._paths.get(content.get("candidate", ""))
            if path and network:
                found.append(again.network(content, path, network))
            elif path and "learning" in content:
                found.append(again.analysis(content, path))
            elif "ipc" in content and content.get("protocol"):
                found.append(again.curve(content))
        return found

    def published(self, source: str, note: str) -> int:
        """The origin of a published number."""
        return self._add({"source": source, "note": note})

    def entries(self) -> list[dict[str, Any]]:
        """All origins, in the order of their places."""
        return [json.loads(text) for text in self._places]

    def _add(self, entry: dict[str, Any]) -> int:
        return self._places.setdefault(json.dumps(entry), len(self._places))


LINK = Markup('<button type="button" class="num" data-origin="{}">{}</button>')


class Number:
    """A mean with its interval and the place of its origin; a cell of a `Table`."""

    def __init__(self, interval: Interval, origin: int) -> None:
        self.interval, self.origin = interval, origin

    @property
    def mean(self) -> str:
        """The mean in percent, to two places."""
        return f"{self.interval.mean:.2f}"

    @property
    def brief(self) -> str:
        """The mean in percent, to one place."""
        return f"{self.interval.mean:.1f}"

    @property
    def half(self) -> str:
        """Half the 95 % interval, or nothing for a single value."""
        return f"{self.interval.half:.2f}" if self.interval.n > 1 else ""

    def __str__(self) -> str:
        return str(self.interval)

    def __html__(self) -> Markup:
        half = Markup('<span class="half">&#8202;±&#8202;{}</span>').format(self.half)
        return LINK.format(self.origin, self.mean + (half if self.half else Markup("")))

    def csv_values(self) -> dict[str, Any]:
        """Mean, ends of the interval and n."""
        one = self.interval
        ends = (f"{one.low:.4f}", f"{one.high:.4f}") if one.n > 1 else ("", "")
        return {"": f"{one.mean:.4f}", "low": ends[0], "high": ends[1], "n": one.n}

    @property
    def n(self) -> str:
        """What varies and how many of it: `5 networks`, `30 sets`."""
        word = self.interval.over.removesuffix("s")
        return f"{self.interval.n} {word}{'s' if self.interval.n > 1 else ''}"


def number_of(records: Sequence[Record], origins: Origins) -> Number:
    """The mean of records, over sets where they are of several, and its origin."""
    return Number(interval_of(summarise(records)), origins.records(records))


class Fact:
    """A text about a measurement, and the place of its origin; a cell of a `Table`."""

    def __init__(self, text: str, origin: int) -> None:
        self.text, self.origin = text, origin

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> Markup:
        return LINK.format(self.origin, self.text)
