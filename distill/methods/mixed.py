"""`mixed`: `unroll` for networks whose training is cheap, `krr` for all others.

The essay's net is trained so briefly that its whole training matters, and that is compiled here.
The field's networks are trained for a thousand steps; what their features tell is enough.
"""

from distill.methods import Method, Stage, krr
from distill.methods.krr import KernelRidge
from distill.methods.unroll import Unroll

METHOD = Method(
    (Stage(KernelRidge, quick=Unroll),),
    krr.METHOD.settings | {"reuse": 1, "batch": 256, "image_lr": 1e-2},
    surrogates=True,
)
