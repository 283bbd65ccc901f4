"""Datasets that are known by name: the one place to which a further one is added."""

from __future__ import annotations

from dataclasses import dataclass

MNIST_CHECKSUM = "171970500d86cdf3"


@dataclass(frozen=True)
class Standard:
    """A dataset that is known by name, in torchvision's layout: four IDX files.

    Attributes
    ----------
    title : str
        Its class in `torchvision.datasets`, which is also the name of its folder.
    checksum, test_checksum : str
        As `Dataset` has them.
    classes : tuple of str
        Names of the classes, in the order of their labels.
    """

    title: str
    checksum: str
    test_checksum: str
    classes: tuple[str, ...] = tuple("0123456789")


FASHION = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle_boot"
# One entry makes a dataset known to all commands.
STANDARD = {
    "mnist": Standard("MNIST", MNIST_CHECKSUM, "c3f9adf9c66efb57"),
    "fashion": Standard(
        "FashionMNIST",
        "e5abe9aed5df3a02",
        "9f1ec356a747bfe4",
        tuple(name.replace("_", " ") for name in FASHION.split()),
    ),
}
CHECKSUMS = {name: standard.checksum for name, standard in STANDARD.items()}
CHECKSUMS["digits"] = "5bcbc21de1f44c4d"  # scikit-learn's, cut by split seed 0
NAMES = ", ".join(CHECKSUMS)  # for messages
