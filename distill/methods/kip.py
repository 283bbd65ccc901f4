"""`kip`: Kernel-Inducing Points, for an infinitely wide network (Nguyen, Chen and Lee 2021).

Ridge regression with a tangent kernel learns from the set, and the gradient of its answers to real
images moves the set (their algorithm 1). There are no networks to be trained. Their settings: Adam
at a rate of 0.01, a ridge of 1e-6 of the kernel's mean diagonal, variances of 2 for weights and
1e-4 for biases. What differs:

1. The loss is the cross-entropy with a learned temperature, theirs the squared error.
2. Labels stay hard; theirs may be learned.
3. Real images are drawn from all classes together, theirs the same number of each class.
"""

from __future__ import annotations

from distill.methods import Method, krr

METHOD = Method(
    krr.METHOD.stages,
    {
        **krr.METHOD.settings,
        "protocols": ("kernel-conv",),
        "batch": 256,
        "reuse": 1,
        "image_lr": 1e-2,
    },
    networks=False,
    surrogates=True,
)
