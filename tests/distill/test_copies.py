"""Copies of networks, by which gradients of parts of a batch are computed at once."""

from dataclasses import replace

import torch

from distill.inner.steps import Trainer
from reproduce import Recipe


def test_copies_answer_as_their_networks_do() -> None:
    """Each network with its own running means."""
    recipe = Recipe(model="convnet", width=4, depth=1, norm="batch")
    trainers = [Trainer(recipe, (8, 8), 3, nets) for nets in (2, 6)]
    networks = trainers[0].fresh([0, 1], 4)
    generator = torch.Generator().manual_seed(0)
    buffers = tuple(torch.rand(b.shape, generator=generator) + 0.5 for b in networks.buffers)
    networks = replace(networks, buffers=buffers)
    x = torch.rand((1, 5, 1, 8, 8), generator=generator)
    answers = trainers[0](networks, x)[1]
    copied = trainers[1](networks.copies(3), x)[1]
    torch.testing.assert_close(copied, answers.repeat_interleave(3, 0))
    assert not torch.allclose(answers[0], answers[1])
