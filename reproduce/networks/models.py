"""The networks of the project by name: the essay's, the field's ConvNet, a residual one, an MLP.

`reproduce.networks.published` has those of a published comparison.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reproduce.errors import UserError
from reproduce.networks import first_block
from reproduce.networks.essay_net import blocks
from reproduce.networks.layers import ACTIVATIONS, NORMS, Conv, InstanceNorm, Linear
from reproduce.networks.own import Own
from reproduce.networks.published import PUBLISHED
from reproduce.networks.stack import Stack
from reproduce.recipe import Recipe

FIRST_MAPS = 2**22  # bytes of the first layer's maps at a time, without gradients


class EssayNet(Stack):
    """The essay's LeNet-like net with dropout, 21,840 parameters at 28x28."""

    noise = 20 + 50
    together = 4 * blocks.BATCH

    def __init__(self, nets: int, image_shape: tuple[int, int], classes: int) -> None:
        super().__init__(nets)
        height, width = (((side - 4) // 2 - 4) // 2 for side in image_shape)
        if min(height, width) < 1:
            raise UserError(f"images of {image_shape} are too small for conv; 16x16 is the least")
        self.conv1 = Conv(nets, 1, 10, 5)
        self.conv2 = Conv(nets, 10, 20, 5)
        self.linear1 = Linear(nets, 20 * height * width, 50)
        self.linear2 = Linear(nets, 50, classes)

    @property
    def head(self) -> Linear:
        return self.linear2

    def features(self, prepared: Tensor) -> Tensor:
        return F.relu(self.linear1(self.maps(prepared)))

    def maps(self, prepared: Tensor) -> Tensor:
        if blocks.fit(prepared) and not torch.is_grad_enabled():
            return blocks.evaluate(prepared, self.conv1, self.conv2)
        x = F.relu(F.max_pool2d(self.conv1(prepared), 2))
        return self.unfold(F.relu(F.max_pool2d(self.conv2(x), 2)))

    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        if noise is None:
            return self.linear2(self.features(prepared))
        x = self.maps(prepared)
        keep = (noise < 0.5).to(x.dtype) * 2
        # Dropping a whole map commutes with max-pooling and ReLU, since its factor is 0 or 2.
        x = (x.unflatten(2, (20, -1)) * keep[..., :20, None]).flatten(2)
        return self.linear2(F.relu(self.linear1(x)) * keep[..., 20:])


class ConvNet(Stack):
    """The field's ConvNet: blocks of 3x3 convolution, norm, ReLU, 2x2 mean; then one linear layer.

    The first block pads 28x28 images by 3, so that they become 32x32 (Dataset Condensation,
    Zhao et al. 2021).
    """

    def __init__(
        self, nets: int, image_shape: tuple[int, int], classes: int, recipe: Recipe
    ) -> None:
        super().__init__(nets)
        blocks: list[nn.Module] = []
        inputs = 1
        like_mnist = image_shape == (28, 28)
        sides = [32, 32] if like_mnist else list(image_shape)
        for block, width in enumerate(recipe.widths or [recipe.width] * recipe.depth):
            padding = 3 if block == 0 and like_mnist else 1
            blocks.append(Conv(nets, inputs, width, 3, padding))
            if recipe.norm != "none":
                blocks.append(NORMS[recipe.norm](nets, width))
            blocks.append(ACTIVATIONS[recipe.activation]())
            inputs, sides = width, [side // 2 for side in sides]
        if min(sides) < 1:
            raise UserError(f"images of {image_shape} are too small for {recipe.depth} blocks")
        self.blocks = nn.Sequential(*blocks)
        self.in_one_pass = recipe.has_first_block_in_one_pass
        self.linear = Linear(nets, inputs * sides[0] * sides[1], classes)

    @property
    def head(self) -> Linear:
        return self.linear

    def features(self, prepared: Tensor) -> Tensor:
        parts = 1 if torch.is_grad_enabled() or self.training else self._parts(prepared)
        return self.unfold(torch.cat([self._maps(x) for x in prepared.tensor_split(parts)]))

    def _maps(self, x: Tensor) -> Tensor:
        """What the blocks make of images, in float32 on the CPU the first one in one pass."""
        conv, norm, *others = self.blocks
        assert isinstance(conv, Conv)
        if not self.in_one_pass or not first_block.fits(x, conv.weight, conv.stride):
            return self.blocks(x)
        moved = (norm.weight, norm.bias) if isinstance(norm, InstanceNorm) else ()
        x = first_block.first_block(x, conv.weight, conv.bias, conv.padding, *moved)
        for module in others[1:] if moved else others:
            x = module(x)
        return x

    def _parts(self, prepared: Tensor) -> int:
        """How many parts images are cut into where no gradient needs their maps.

        A part is two images at least: PyTorch computes a single one in another order.
        """
        if prepared.device.type != "cpu":
            return 1
        first = self.blocks[0]
        assert isinstance(first, Conv)
        maps = 4 * first.bias.numel() * prepared.shape[0] * prepared.shape[2:].numel()
        return max(1, min(len(prepared) // 2, round(maps / FIRST_MAPS)))

    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.linear(self.features(prepared))


class ResNet(Stack):
    """A small residual network: blocks of two 3x3 convolutions around a shortcut, 2x2 mean."""

    def __init__(
        self, nets: int, image_shape: tuple[int, int], classes: int, recipe: Recipe
    ) -> None:
        super().__init__(nets)
        width = recipe.width
        self.stem = Conv(nets, 1, width, 3, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                NORMS[recipe.norm](nets, width),
                nn.ReLU(),
                Conv(nets, width, width, 3, 1),
                NORMS[recipe.norm](nets, width),
                nn.ReLU(),
                Conv(nets, width, width, 3, 1),
            )
            for _ in range(recipe.depth)
        )
        height, across = (side // 2**recipe.depth for side in image_shape)
        if min(height, across) < 1:
            raise UserError(f"images of {image_shape} are too small for {recipe.depth} blocks")
        self.linear = Linear(nets, width * height * across, classes)

    @property
    def head(self) -> Linear:
        return self.linear

    def features(self, prepared: Tensor) -> Tensor:
        x = self.stem(prepared)
        for block in self.blocks:
            x = F.avg_pool2d(x + block(x), 2)
        return self.unfold(F.relu(x))

    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.linear(self.features(prepared))


class MLP(Stack):
    """Pixels through `depth` hidden layers of `width`."""

    def __init__(
        self, nets: int, image_shape: tuple[int, int], classes: int, recipe: Recipe
    ) -> None:
        super().__init__(nets)
        sizes = [image_shape[0] * image_shape[1], *[recipe.width] * recipe.depth]
        layers = [Linear(nets, *pair) for pair in itertools.pairwise(sizes)]
        self.hidden = nn.ModuleList(layers)
        self.linear = Linear(nets, recipe.width, classes)

    @property
    def head(self) -> Linear:
        return self.linear

    def prepare(self, x: Tensor) -> Tensor:
        return x.flatten(2).expand(self.nets, -1, -1)

    def features(self, prepared: Tensor) -> Tensor:
        for layer in self.hidden:
            prepared = F.relu(layer(prepared))
        return prepared

    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.linear(self.features(prepared))


MODELS: dict[str, Callable[..., Stack]] = {
    "convnet": ConvNet,
    "resnet": ResNet,
    "mlp": MLP,
    **PUBLISHED,
}


def unset(recipe: Recipe, image_shape: tuple[int, int], classes: int, nets: int) -> Stack:
    """A stack of networks before their initialisation."""
    if recipe.model == "conv":
        return EssayNet(nets, image_shape, classes)
    if recipe.own:
        return Own(nets, image_shape, classes, recipe)
    return MODELS[recipe.model](nets, image_shape, classes, recipe)


def build(
    recipe: Recipe, image_shape: tuple[int, int], classes: int, seeds: Sequence[int]
) -> Stack:
    """A stack of freshly initialised networks, one for each seed."""
    model = unset(recipe, image_shape, classes, len(seeds))
    model.initialise(seeds if recipe.known_init is None else [recipe.known_init] * len(seeds))
    return model
