"""A second kind of device without a GPU: its tensors live apart from those of the CPU.

Tensors of `SECOND` say that they are on another device and keep their numbers on the CPU, so that
everything is truly computed. What a GPU refuses, they refuse: to meet a CPU tensor of more than one
number, to take chance from a CPU generator, and to become a numpy array.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

SECOND = "meta"  # a device type that PyTorch always knows; nothing here uses what it is meant for
# Operations that bring tensors from one device to another, or take indices from the CPU.
CROSSING = ("copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_")


class Elsewhere(torch.Tensor):
    """A tensor on the second device; `here` holds its numbers."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> Elsewhere:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=SECOND,
        )
        made.here = here
        return made

    __repr__ = torch.Tensor.__repr__

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """While it is entered, `device=SECOND` and `.to(SECOND)` make tensors of the second device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = func.overloadpacket.__name__
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    inputs = tensors[:1] if name.endswith("copy_") else tensors
    asked = kwargs.get("device")
    there = any(isinstance(tensor, Elsewhere) for tensor in inputs)
    if asked is not None:
        there = torch.device(asked).type == SECOND
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if any(isinstance(tensor, Elsewhere) for tensor in tensors) and name not in CROSSING:
        strangers = [t for t in tensors if not isinstance(t, Elsewhere) and t.dim()]
        if strangers:
            shapes = [tuple(tensor.shape) for tensor in strangers]
            raise RuntimeError(f"{func}: CPU tensors of shapes {shapes} meet another device's")
    if there and kwargs.get("generator") is not None:
        raise RuntimeError(f"{func}: a CPU generator on another device")
    made = func(*tree_map(_here, args), **tree_map(_here, kwargs))
    return tree_map(_elsewhere, made) if there else made


def _here(value: Any) -> Any:
    return value.here if isinstance(value, Elsewhere) else value


def _elsewhere(value: Any) -> Any:
    return Elsewhere(value) if isinstance(value, torch.Tensor) else value
