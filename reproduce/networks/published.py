"""Networks in which Dataset Condensation uses its sets (Zhao et al. 2021, Table 2).

Sizes are those of the paper's public code for images of one channel. That table's ConvNet and MLP
are in `reproduce.networks.models`. Images of 28x28 are padded to 32x32 by the first layer of
AlexNet and of VGG-11, as they are by that of the ConvNet.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from reproduce.errors import UserError
from reproduce.networks.layers import NORMS, Conv, Linear
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe

Shape = tuple[int, int]
VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # channels between 2x2 maxima
RESNET18 = ((64, 1), (128, 2), (256, 2), (512, 2))  # channels and first stride of each stage
LEAST = 9  # pixels: smaller images leave the last stage of ResNet-18 one pixel, which norms erase


class Published(Stack):
    """Maps through some layers, then linear layers with ReLU between them.

    Parameters
    ----------
    nets : int
    layers : iterable of Module
        From (B, K, H, W) to (B, K * C, H', W').
    sizes : sequence of int
        C * H' * W', the units of each hidden layer, and the classes.
    """

    def __init__(self, nets: int, layers: Iterable[nn.Module], sizes: Sequence[int]) -> None:
        super().__init__(nets)
        self.layers = nn.Sequential(*layers)
        pairs = itertools.pairwise(sizes[:-1])
        self.hidden = nn.ModuleList(Linear(nets, *pair) for pair in pairs)
        self.linear = Linear(nets, *sizes[-2:])

    @property
    def head(self) -> Linear:
        return self.linear

    def maps(self, prepared: Tensor) -> Tensor:
        return self.unfold(self.layers(prepared))

    def features(self, prepared: Tensor) -> Tensor:
        x = self.maps(prepared)
        for layer in self.hidden:
            x = F.relu(layer(x))
        return x

    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.linear(self.features(prepared))


def lenet(nets: int, image_shape: Shape, classes: int, recipe: Recipe) -> Published:
    """LeNet: 5x5 convolutions to 6 and 16 channels with 2x2 maxima, then 120 and 84 units."""
    left = _left(image_shape, lambda side: (side // 2 - 4) // 2, "lenet")
    layers = [
        *(Conv(nets, 1, 6, 5, 2), nn.ReLU(), nn.MaxPool2d(2)),
        *(Conv(nets, 6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    ]
    return Published(nets, layers, [16 * left, 120, 84, classes])


def alexnet(nets: int, image_shape: Shape, classes: int, recipe: Recipe) -> Published:
    """A small AlexNet: five convolutions, the first two 5x5, and three 2x2 maxima."""
    more = _padding(image_shape)
    left = _left(image_shape, lambda side: (side + 2 * more) // 8, "alexnet")
    layers = [
        *(Conv(nets, 1, 128, 5, 2 + more), nn.ReLU(), nn.MaxPool2d(2)),
        *(Conv(nets, 128, 192, 5, 2), nn.ReLU(), nn.MaxPool2d(2)),
        *(Conv(nets, 192, 256, 3, 1), nn.ReLU()),
        *(Conv(nets, 256, 192, 3, 1), nn.ReLU()),
        *(Conv(nets, 192, 192, 3, 1), nn.ReLU(), nn.MaxPool2d(2)),
    ]
    return Published(nets, layers, [192 * left, classes])


def vgg11(nets: int, image_shape: Shape, classes: int, recipe: Recipe) -> Published:
    """VGG-11: eight 3x3 convolutions, each with a norm, five 2x2 maxima, one linear layer."""
    more = _padding(image_shape)
    left = _left(image_shape, lambda side: (side + 2 * more) // 32, "vgg11")
    layers: list[nn.Module] = []
    inputs, padding = 1, 1 + more
    for widths in VGG11:
        for width in widths:
            layers.append(Conv(nets, inputs, width, 3, padding))
            layers += [NORMS[recipe.norm](nets, width), nn.ReLU()]
            inputs, padding = width, 1
        layers.append(nn.MaxPool2d(2))
    return Published(nets, layers, [inputs * left, classes])


def resnet18(nets: int, image_shape: Shape, classes: int, recipe: Recipe) -> Published:
    """ResNet-18 with a 3x3 stem, and the mean over the last stage's 4x4 pixels.

    The paper's convolutions have no biases. Ours have some, which the norm behind each of them
    takes out.
    """
    _left(image_shape, lambda side: side // LEAST, "resnet18")
    inputs = RESNET18[0][0]
    layers = [Conv(nets, 1, inputs, 3, 1), NORMS[recipe.norm](nets, inputs), nn.ReLU()]
    for width, stride in RESNET18:
        layers.append(Residual(nets, inputs, width, stride, recipe.norm))
        layers.append(Residual(nets, width, width, 1, recipe.norm))
        inputs = width
    return Published(nets, [*layers, nn.AdaptiveAvgPool2d(1)], [inputs, classes])


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut, which is a 1x1 convolution where sizes change."""

    def __init__(self, nets: int, inputs: int, width: int, stride: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(Conv(nets, inputs, width, 3, 1, stride), NORMS[norm](nets, width), nn.ReLU()),
            *(Conv(nets, width, width, 3, 1), NORMS[norm](nets, width)),
        )
        same = inputs == width and stride == 1
        changed = (
            () if same else (Conv(nets, inputs, width, 1, 0, stride), NORMS[norm](nets, width))
        )
        self.shortcut = nn.Sequential(*changed)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def _padding(image_shape: Shape) -> int:
    """Pixels beyond the usual padding that make 32x32 of 28x28."""
    return 2 if image_shape == (28, 28) else 0


def _left(image_shape: Shape, side: Callable[[int], int], name: str) -> int:
    """Pixels that are left of an image; UserError where there are none."""
    height, width = map(side, image_shape)
    if min(height, width) < 1:
        raise UserError(f"images of {image_shape} are too small for {name}")
    return height * width


PUBLISHED: dict[str, Callable[..., Stack]] = {
    "lenet": lenet,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "resnet18": resnet18,
}
