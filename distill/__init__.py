"""Distil: synthetic training images, made by gradient through training."""

from typing import TYPE_CHECKING

from reproduce.support.exports import exports

if TYPE_CHECKING:
    from distill.config import DistillConfig
    from distill.distiller import Distiller, distill
    from distill.synthetic import SyntheticSet

__all__ = ["DistillConfig", "Distiller", "SyntheticSet", "distill"]

__getattr__, __dir__ = exports(
    __name__,
    {
        "DistillConfig": ".config",
        "Distiller": ".distiller",
        "SyntheticSet": ".synthetic",
        "distill": ".distiller",
    },
)
