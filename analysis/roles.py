"""Roles of sets, in groups that the page tells apart."""

MADE = ("distilled", "searched", "given")  # sets that somebody made
CHANCE = ("random sets", "essay draw")  # sets that nobody chose
