"""The field's evaluation of tiny sets, with the networks in which it is done.

Dataset Condensation (Zhao et al. 2021) trains its ConvNet so, and in its Table 2 other networks.
"""

from __future__ import annotations

from dataclasses import replace

from reproduce.candidate import Candidate
from reproduce.protocols.names import protocol
from reproduce.recipe import MNIST_MEAN, MNIST_STD, Recipe


@protocol("convnet")
def convnet(candidate: Candidate) -> Recipe:
    """ConvNet-3 as Dataset Condensation evaluates it on MNIST, but for three things.

    Its public code lowers the rate after 502 epochs, ours after 501. Its crops start at -4 to 3
    pixels, ours at -4 to 4. It has hard labels alone, ours may be soft.
    """
    return Recipe(
        model="convnet",
        mean=MNIST_MEAN,
        std=MNIST_STD,
        epochs=1001,
        batch=256,
        reshuffle=True,
        lr=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="halfway",
        augment="dc",
    )


@protocol("mlp-dc")
def mlp_dc(candidate: Candidate) -> Recipe:
    """`convnet` with Dataset Condensation's MLP, two hidden layers of 128, in its place."""
    return replace(convnet(candidate), model="mlp", width=128, depth=2)


@protocol("lenet")
def lenet(candidate: Candidate) -> Recipe:
    """`convnet` with LeNet in its place: 62,000 parameters, no norm."""
    return replace(convnet(candidate), model="lenet")


@protocol("alexnet")
def alexnet(candidate: Candidate) -> Recipe:
    """`convnet` with a small AlexNet in its place: 1.9 million parameters, no norm."""
    return replace(convnet(candidate), model="alexnet")


@protocol("vgg11")
def vgg11(candidate: Candidate) -> Recipe:
    """`convnet` with VGG-11 in its place: 9.2 million parameters, instance norm."""
    return replace(convnet(candidate), model="vgg11")


@protocol("resnet18")
def resnet18(candidate: Candidate) -> Recipe:
    """`convnet` with ResNet-18 in its place: 11.2 million parameters, instance norm."""
    return replace(convnet(candidate), model="resnet18")


@protocol("resnet-small")
def resnet_small(candidate: Candidate) -> Recipe:
    """`convnet` with a residual net of three blocks of 32 channels in its place."""
    return replace(convnet(candidate), model="resnet", width=32, depth=3)


@protocol("resnet-small-bn")
def resnet_small_bn(candidate: Candidate) -> Recipe:
    """`resnet-small` with batch norm.

    Real images meet running means of the candidate's own images. A set whose pixels are unlike
    those of real images is useless to it.
    """
    return replace(resnet_small(candidate), norm="batch")
