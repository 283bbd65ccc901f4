"""`means`: means of random parts of each class, with hard labels; nothing is learned."""

from distill.methods import Method, krr

METHOD = Method((), krr.METHOD.settings | {"start": "mean", "learn": "images"})
