"""What is left to compute, and about how long that takes: by the seconds of scores on record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from reproduce.records import Record, is_full
from reproduce.summary import grouped
from reproduce.support.text import counted

RECENT = 20  # scores of a kind, the latest, whose median counts: machines differ, and change


def expectation(waiting: Sequence[Record], known: Iterable[Record], workers: int) -> str:
    """How many scores are to be computed and about how long they take, in one line.

    Parameters
    ----------
    waiting : sequence of Record
        The fields of these scores that are known before they are computed.
    known : iterable of Record
        Scores with their seconds. Whole ones of the same protocol and size of set count.
    workers : int
        Processes that share the work.
    """
    if not waiting:
        return "All scores are on record."
    whole = [r for r in known if "seconds" in r and is_full(r)]
    kinds = grouped(sorted(whole, key=lambda r: str(r.get("time"))), kind)
    usual = {key: median(r["seconds"] for r in own[-RECENT:]) for key, own in kinds.items()}
    seconds = sum(usual.get(kind(question), 0.0) for question in waiting)
    unknown = dict.fromkeys(q["protocol"] for q in waiting if kind(q) not in usual)
    parts = [f"{len(waiting):,} scores to compute"]
    if len(unknown) < len({question["protocol"] for question in waiting}):
        parts.append(f"about {duration(seconds / workers)} by the times on record")
    if unknown:
        parts.append(f"no times on record for {', '.join(unknown)}")
    return f"{'; '.join(parts)}."


def kind(record: Record) -> tuple[str, float]:
    """What the time of a score depends on most: its protocol, and the size of the set."""
    return record["protocol"], record.get("ipc", 0)


def duration(seconds: float) -> str:
    """Seconds in words, in the largest unit of which there is one or more: `2.3 hours`."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return counted(round(seconds), "seconds")
