"""Search methods: each is one file here and proposes sets behind one interface.

A method takes a `View` of the study and how many sets to propose, and returns as many sets in the
pool's canonical order. It keeps no state of its own: what it proposes follows from the view, so a
study that was killed goes on the way it would have gone, on whatever machine.
"""

from search.methods import (
    anneal,
    facility,
    genetic,
    herding,
    kcenter,
    kmedoids,
    nearest_mean,
    random,
    scores,
    staged,
    stratified,
    swap,
    thompson,
    tpe,
)
from search.methods.base import ESTIMATORS, FRESH, METHODS, SETTINGS, Finished, View, named

__all__ = [
    "ESTIMATORS",
    "FRESH",
    "METHODS",
    "SETTINGS",
    "Finished",
    "View",
    "anneal",
    "facility",
    "genetic",
    "herding",
    "kcenter",
    "kmedoids",
    "named",
    "nearest_mean",
    "random",
    "scores",
    "staged",
    "stratified",
    "swap",
    "thompson",
    "tpe",
]
