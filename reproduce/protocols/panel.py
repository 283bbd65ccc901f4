"""The standard panel: the learners under which a set is measured that is to suit all of them."""

from __future__ import annotations

PANEL = (
    *("conv", "conv-shift1", "convnet", "mlp-dc", "mlp", "svm-rbf", "knn", "forest"),
    *("resnet-small", "resnet-small-bn", "lenet", "alexnet", "vgg11", "resnet18"),
)
LARGE = ("alexnet", "vgg11", "resnet18")  # minutes of one core for each network
