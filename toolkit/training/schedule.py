"""Batch and learning rate, as training and benchmark read them."""

import math

from speechlip.errors import OptionError


def check_batch(batch_size: int, lr: float) -> None:
    """Raise OptionError for a batch or a learning rate that nothing can be learned with."""
    if batch_size < 2 or not (lr > 0 and math.isfinite(lr)):
        raise OptionError(
            f"batch_size {batch_size} must be at least 2 (batch norm) and lr {lr:g} a number above 0"
        )


def learning_rate(step: int, steps: int, lr: float, warmup_steps: int, falls: bool = True) -> float:
    """Of step 1 … ``steps``: a linear rise to ``lr``, then a cosine down to 0 where it ``falls``.

    >>> [round(learning_rate(step, 10, 0.1, 2), 4) for step in (1, 2, 6, 10)]
    [0.05, 0.1, 0.05, 0.0]
    """
    if step <= warmup_steps:
        return lr * step / warmup_steps
    if not falls:
        return lr
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return lr * (1 + math.cos(math.pi * done)) / 2
