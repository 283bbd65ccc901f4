"""What the set of a record is, and which of its scores are lucky ones."""

from __future__ import annotations

from reproduce.records import Record

MADE = ("distilled", "searched", "given")  # roles of sets that somebody has made
CHANCE = ("random sets", "essay draw")  # roles of sets that nobody chose
LUCKY = ", which chose it"  # behind a split whose scores chose the set among others


def role_of(record: Record) -> str:
    """What the set of a record is; of records that do not say, what made it tells."""
    if "role" in record:
        return str(record["role"])
    if record["method"] == "essay draw":
        return "essay draw"
    return "distilled" if record["method"].startswith("distil") else "given"


def is_finalist(record: Record) -> bool:
    """Whether a record belongs to the choice of a search's best set."""
    return role_of(record) == "finalist"


def is_lucky(record: Record) -> bool:
    """Whether scores on the record's images, or on some of them, chose its set among others."""
    chosen_on, split = record.get("chosen_on"), record["split"]
    whole, halves = "validation", ("validation-a", "validation-b")
    return split == chosen_on or {split, chosen_on} in [{whole, half} for half in halves]
