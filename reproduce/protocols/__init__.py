"""Protocols: the ways in which the oracle learns from a candidate, each under a name.

A protocol is a function that takes a candidate and returns a `Recipe`, by which a network is
trained, or another learner: a scikit-learn `Classifier`, a `Ridge` on the features of random
networks, or a `ConvKernel`. To add a protocol, write the function in a file of this folder, an old
one or a new one, and decorate it with its name. All files of this folder are imported.
"""

import importlib
import pkgutil

from reproduce.protocols.essay import conv
from reproduce.protocols.features import FORM, features_name, on_features, use_weights
from reproduce.protocols.field import convnet
from reproduce.protocols.names import PROTOCOLS, learner, names, protocol, recipe
from reproduce.protocols.ours import best
from reproduce.protocols.panel import LARGE, MOST_LARGE, PANEL, SLOW, panel_of, panel_seeds

for file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{file.name}")

__all__ = [
    "FORM",
    "LARGE",
    "MOST_LARGE",
    "PANEL",
    "PROTOCOLS",
    "SLOW",
    "best",
    "conv",
    "convnet",
    "features_name",
    "learner",
    "names",
    "on_features",
    "panel_of",
    "panel_seeds",
    "protocol",
    "recipe",
    "use_weights",
]
