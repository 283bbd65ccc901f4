"""`kmeans`: centres of clusters of each class, with hard labels; nothing is learned."""

from distill.methods import Method, krr

METHOD = Method((), krr.METHOD.settings | {"start": "kmeans", "learn": "images"})
