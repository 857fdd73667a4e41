"""A metric for score-sync: by how much a rendered image differs from the real one, in grey levels."""

import numpy as np

from speechlip.metrics import Metric


def absolute_difference(render: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute difference of two (H, W, 3) uint8 images, in 0 … 255.

    >>> absolute_difference(np.full((2, 2, 3), 5, np.uint8), np.zeros((2, 2, 3), np.uint8))
    5.0
    """
    return float(np.abs(render.astype(np.int16) - reference).mean())


METRIC = Metric(
    name="mad",
    title="MAD",
    unit="levels",
    higher_is_better=False,
    formula="mean absolute difference over pixels and channels",
    needs=("reference",),
    per="frame pair",
    compute=absolute_difference,
    highest=255.0,
    digits=2,
)
