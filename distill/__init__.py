"""Distil: synthetic training images, made by gradient through training."""

from distill.config import DistillConfig
from distill.distiller import Distiller, distill
from distill.learnable import SyntheticSet

__all__ = ["DistillConfig", "Distiller", "SyntheticSet", "distill"]
