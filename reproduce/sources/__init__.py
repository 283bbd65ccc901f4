"""Where images come from: standard data, scikit-learn's digits, and the user's own files."""

from reproduce.sources.load import load
from reproduce.sources.own import own
from reproduce.sources.standard import digits, standard

__all__ = ["digits", "load", "own", "standard"]
