"""`staged`: `krr` for most of the budget, then `unroll` through a short window polishes the set."""

from distill.methods import Method, Stage, krr
from distill.methods.krr import KernelRidge
from distill.methods.unroll import Unroll

POLISH = {"window": 10, "reuse": 1, "batch": 256, "image_lr": 1e-3}
METHOD = Method(
    (Stage(KernelRidge, until=0.8), Stage(Unroll, settings=POLISH)),
    krr.METHOD.settings,
    surrogates=True,
)
