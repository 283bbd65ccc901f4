"""The calibrated oracle: data, candidates, protocols, scoring and the essay's experiments."""

from typing import TYPE_CHECKING

from reproduce.support.exports import exports

if TYPE_CHECKING:
    from reproduce.candidate import Candidate
    from reproduce.data import Dataset, ImageSet
    from reproduce.errors import UserError
    from reproduce.oracle import Oracle
    from reproduce.recipe import Recipe
    from reproduce.scoring.fidelity import Fidelity
    from reproduce.sources import load

__all__ = ["Candidate", "Dataset", "Fidelity", "ImageSet", "Oracle", "Recipe", "UserError", "load"]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Candidate": ".candidate",
        "Dataset": ".data",
        "Fidelity": ".scoring.fidelity",
        "ImageSet": ".data",
        "Oracle": ".oracle",
        "Recipe": ".recipe",
        "UserError": ".errors",
        "load": ".sources",
    },
)
