"""What networks minimise."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Each network's mean cross-entropy (K,) of logits (K, B, C) with probabilities (K, B, C)."""
    return -(targets * F.log_softmax(logits, dim=-1)).sum(-1).mean(-1)


def squared_error(scores: Tensor, targets: Tensor) -> Tensor:
    """Each network's squared error (K,) of scores (K, B, C), summed over classes, mean over B."""
    return (scores - targets).square().sum(-1).mean(-1)


LOSSES = {"cross-entropy": cross_entropy, "mse": squared_error}
