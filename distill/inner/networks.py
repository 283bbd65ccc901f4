"""Networks in training, and the set that they learn, as values of pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from torch import Tensor

from reproduce.images.augment import Augmenter
from reproduce.training.draws import Draws

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class Networks:
    """K networks in training. Steps make new ones, so old ones can be kept at no cost.

    Attributes
    ----------
    parameters : tuple of Tensor
        In the order of the stack's own, each with a leading dimension K.
    moments : tuple of Tensor
        The optimiser's: nothing, momentum, or Adam's first and then second moments.
    buffers : tuple of Tensor
        Running means of batch norm.
    draws : Draws or None
        What chance decides about the steps to come; None for networks that take none.
    """

    parameters: Tensors
    moments: Tensors = ()
    buffers: Tensors = ()
    draws: Draws | None = None

    @property
    def age(self) -> int:
        """Steps taken."""
        return self.draws.step if self.draws else 0

    @property
    def tensors(self) -> Tensors:
        """All of them: what a step changes."""
        return self.parameters + self.moments + self.buffers

    def changed(self, tensors: Iterable[Tensor]) -> Networks:
        """The same with other tensors, in the order of `tensors`."""
        every = tuple(tensors)
        first = len(self.parameters)
        second = first + len(self.moments)
        return replace(
            self, parameters=every[:first], moments=every[first:second], buffers=every[second:]
        )

    def detached(self) -> Networks:
        """The same without a graph."""
        return self.changed(t.detach() for t in self.tensors)

    def with_gradients(self) -> Networks:
        """The same as the beginning of a graph."""
        return replace(self, parameters=tuple(p.detach().requires_grad_() for p in self.parameters))

    def copies(self, count: int) -> Networks:
        """Each of K networks `count` times, one after the other, as the beginning of a graph."""
        nets = len(self.parameters[0])
        every = (p.detach().repeat_interleave(count, 0) for p in self.parameters)
        # Buffers are (K * C,), or (K, ...) of a network of the user's own.
        buffers = (b.unflatten(0, (nets, -1)).repeat_interleave(count, 0) for b in self.buffers)
        return Networks(
            tuple(p.requires_grad_() for p in every),
            buffers=tuple(b.flatten(0, 1) for b in buffers),
        )


@dataclass(frozen=True)
class TrainingSet:
    """A set as the networks of one recipe learn it, with its graph.

    Attributes
    ----------
    x, y : Tensor of shapes (1, n, 1, H, W) and (1, n, C)
        Training images and targets, with all shifts.
    rates : Tensor of shape (T,)
        Learned rates, or nothing.
    augmenters : list of Augmenter
    """

    x: Tensor
    y: Tensor
    rates: Tensor
    augmenters: list[Augmenter]
