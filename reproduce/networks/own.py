"""A network of the user's own, a plain `torch.nn.Module`, as a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reproduce.errors import UserError
from reproduce.networks.layers import Linear
from reproduce.networks.stack import Stack, seeded
from reproduce.recipe import Recipe
from reproduce.support.identity import identity
from reproduce.support.modules import attribute_named, told

Shape = tuple[int, int]
STEPS = 2**24  # of uniform float32 numbers, which become seeds
PROBE = 2  # images that show what a network does


class Own(Stack):
    """K networks of the class at `recipe.model`, `module:Class`, computed one after the other.

    The class is called as `Class(image_shape, classes)` and maps images (B, 1, H, W) to logits
    (B, classes). PyTorch's random numbers are seeded while a network is made, from the replicate's
    seed, and while it runs, from the replicate's noise: equal seeds give equal networks, dropout
    included, in any stack.
    """

    noise = 1  # number of an image; the first image's seeds a step

    def __init__(self, nets: int, image_shape: Shape, classes: int, recipe: Recipe) -> None:
        super().__init__(nets)
        self.made_by = recipe.model, image_shape, classes
        network = made(*self.made_by, seed=0)
        last = last_layer(network, *self.made_by)
        self.linear = Linear(nets, last[1].in_features, classes) if last else None
        self.last = last[0] if last else ""
        self.network = (network,)  # in a tuple, so that its parameters are not the stack's
        self.kept = nn.ParameterDict()
        for number, (name, parameter) in enumerate(network.named_parameters()):
            copies = nn.Parameter(_copies(parameter, nets), parameter.requires_grad)
            if self.linear and name.rpartition(".")[0] == self.last:
                setattr(self.linear, name.rpartition(".")[2], copies)
            else:
                self.kept[str(number)] = copies
        for number, buffer in enumerate(network.buffers()):
            self.register_buffer(f"buffer{number}", _copies(buffer, nets))

    def initialise(self, seeds: Sequence[int]) -> None:
        """As `Stack.initialise`."""
        for net, seed in enumerate(seeds):
            network = made(*self.made_by, seed=seeded(seed, "init").initial_seed())
            drawn = {**dict(network.named_parameters()), **dict(network.named_buffers())}
            with torch.no_grad():
                for name, values in self._state(net).items():
                    values.copy_(drawn[name])

    def _state(self, net: int) -> dict[str, Tensor]:
        """Parameters and buffers of one network, by their names in it; they share memory."""
        state = {}
        for number, (name, _) in enumerate(self.network[0].named_parameters()):
            path, _, last = name.rpartition(".")
            of_last = self.linear is not None and path == self.last
            values = getattr(self.linear, last) if of_last else self.kept[str(number)]
            state[name] = values[net]
        for number, (name, _) in enumerate(self.network[0].named_buffers()):
            state[name] = getattr(self, f"buffer{number}")[net]
        return state

    def prepare(self, x: Tensor) -> Tensor:
        """Images (K, B, 1, H, W)."""
        return x.expand(self.nets, -1, -1, -1, -1)

    def answer(self, prepared: Tensor, noise: Tensor | None = None) -> Tensor:
        """As `Stack.answer`."""
        return torch.stack([self._run(net, x, noise) for net, x in enumerate(prepared)])

    def features(self, prepared: Tensor) -> Tensor:
        """As `Stack.features`: what the last `nn.Linear` is given."""
        layer = self.network[0].get_submodule(self._has_head())
        given: dict[int, Tensor] = {}
        for net, x in enumerate(prepared):

            def keep(module: nn.Module, inputs: tuple[Tensor, ...], net: int = net) -> None:
                given[net] = inputs[0]

            hook = layer.register_forward_pre_hook(keep)
            try:
                self._run(net, x, None)
            finally:
                hook.remove()
        return torch.stack(list(given.values()))

    @property
    def head(self) -> Linear:
        """As `Stack.head`."""
        self._has_head()
        assert self.linear is not None
        return self.linear

    def _has_head(self) -> str:
        """The name of the last layer; UserError where there is none."""
        if self.linear is None:
            raise UserError(
                f"network {self.made_by[0]!r} does not end in an nn.Linear with a bias, so it has "
                "no last layer to solve or to read features from; use another recipe"
            )
        return self.last

    def _run(self, net: int, x: Tensor, noise: Tensor | None) -> Tensor:
        """Logits (B, classes) of one network."""
        network = self.network[0].train(self.training)
        seed = 0 if noise is None else int(noise[net, 0, 0] * STEPS)
        with own_random_numbers(seed, x.device), user_code(self.made_by[0]):
            logits: Tensor = functional_call(network, self._state(net), (x,))
        return logits


def made(name: str, image_shape: Shape, classes: int, seed: int) -> nn.Module:
    """One network of the class at `name`, in float32; UserError where that fails."""
    kind = class_named(name)
    with own_random_numbers(seed, torch.device("cpu")), user_code(name):
        return kind(image_shape, classes).float()


def class_named(name: str) -> Any:
    """The class at `module:Class`; UserError where there is none."""
    found = attribute_named(name, "network")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise UserError(f"network {name!r}: give a class that inherits from torch.nn.Module")
    return found


def code_of(name: str) -> str:
    """Eight digits that change with the code of the class at `module:Class`."""
    return identity(class_named(name))


def last_layer(
    network: nn.Module, name: str, image_shape: Shape, classes: int
) -> tuple[str, nn.Linear] | None:
    """The `nn.Linear` whose output is the network's, and its name; None where there is none.

    Raises
    ------
    UserError
        Where the network does not give logits of the right shape.
    """
    given: list[tuple[str, Tensor]] = []
    layers = {key: one for key, one in network.named_modules() if isinstance(one, nn.Linear)}

    def keep(key: str) -> Any:
        return lambda module, inputs, output: given.append((key, output))

    hooks = [layer.register_forward_hook(keep(key)) for key, layer in layers.items()]
    x = torch.zeros(PROBE, 1, *image_shape, dtype=torch.float32)
    with torch.no_grad(), own_random_numbers(0, x.device), user_code(name):
        logits = network.eval()(x)
    for hook in hooks:
        hook.remove()
    if not isinstance(logits, Tensor) or logits.shape != (PROBE, classes):
        shown = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(
            f"network {name!r} makes {shown} of images {tuple(x.shape)}; "
            f"return logits of shape {(PROBE, classes)}"
        )
    last = next((key for key, output in given if output is logits), "")
    own = {f"{last}.weight", f"{last}.bias"} <= {key for key, _ in network.named_parameters()}
    return (last, layers[last]) if last and own else None


@cache
def size(name: str, image_shape: Shape, classes: int) -> tuple[int, int]:
    """Numbers that a training step keeps for each image, and parameters of a network."""
    network, kept = made(name, image_shape, classes, seed=0), {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
        return tensor

    x = torch.zeros(PROBE, 1, *image_shape, dtype=torch.float32)
    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with own_random_numbers(0, x.device), user_code(name), hooks:
        logits = network(x)
    for parameter in network.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    del logits  # alive until here, so that no address was used twice
    return sum(kept.values()) // PROBE, sum(p.numel() for p in network.parameters())


def _copies(values: Tensor, nets: int) -> Tensor:
    return values.detach().expand(nets, *values.shape).clone()


@contextmanager
def user_code(name: str) -> Iterator[None]:
    """Code of the user's runs inside: tensors are made in float32, and errors take one line."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"network {name!r} failed: {told(error)}") from error
    finally:
        torch.set_default_dtype(before)


@contextmanager
def own_random_numbers(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's random numbers follow from `seed` inside; outside they go on as before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield
