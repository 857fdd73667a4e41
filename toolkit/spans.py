"""Stretches of frames or samples, as (start, stop) with stop behind the last."""

from collections.abc import Iterator

import numpy as np

Span = tuple[int, int]


def runs(mask: np.ndarray) -> Iterator[Span]:
    """The (start, stop) of every run of True. mask: (N,) bool.

    >>> list(runs(np.array([0, 1, 1, 0, 1], bool)))
    [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
