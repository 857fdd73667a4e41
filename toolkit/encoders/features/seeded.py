"""Networks at random weights that a seed fixes."""

from collections.abc import Callable
from typing import TypeVar

import torch

Network = TypeVar("Network")
RANDOM_WEIGHTS = "random, seed 0"


def seeded(build: Callable[[], Network], seed: int = 0) -> Network:
    """What ``build`` gives when it starts from ``seed``; the global generator stays where it was.

    >>> one, other = seeded(lambda: torch.randn(1)), seeded(lambda: torch.randn(1))
    >>> bool(one == other)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()
