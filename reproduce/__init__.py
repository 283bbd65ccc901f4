"""The calibrated oracle: data, candidates, protocols, scoring and the essay's experiments."""

from reproduce.candidate import Candidate
from reproduce.data import Dataset, ImageSet, load
from reproduce.errors import UserError
from reproduce.oracle import Fidelity, Oracle
from reproduce.recipe import Recipe

__all__ = ["Candidate", "Dataset", "Fidelity", "ImageSet", "Oracle", "Recipe", "UserError", "load"]
