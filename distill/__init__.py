"""Distil: synthetic training images, made by gradient through training."""

from distill.distiller import DistillConfig, distill
from distill.learnable import SyntheticSet

__all__ = ["DistillConfig", "SyntheticSet", "distill"]
