"""Retrieval: how often an encoder of lips and speech finds what belongs together.

Goal: from matched rows of lip and speech features, how often the match comes first.
Conventions: features (N, D), row i of one side belongs to row i of the other; similarity is the cosine. R@k
in [0, 1], higher is better; it means something only beside the size of the gallery N (chance: k / N). Ties
count against the encoder, so that constant features score 0 and not 1.
Source: R@k as in cross-modal retrieval since Hodosh et al. 2013. Functions: ranks, retrieval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Retrieval:
    """R@k in both directions.

    lips_to_speech: k → share of lip queries whose speech is among the k nearest, in [0, 1]
    speech_to_lips: k → the same for speech queries
    gallery: rows N that were searched
    """

    lips_to_speech: dict[int, float]
    speech_to_lips: dict[int, float]
    gallery: int


def ranks(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Place of the right row for every query, 1 is best: (N, D), (N, D) → (N,) int.

    Memory O(N) per 1024 queries, not O(N²). Raises ValueError for shapes that do not match.

    >>> ranks(np.array([[1.0, 0], [0.6, 0.8]]), np.array([[1.0, 0], [1.0, 0.1]])).tolist()
    [1, 1]
    >>> ranks(np.ones((3, 2)), np.ones((3, 2))).tolist()
    [3, 3, 3]
    """
    if queries.ndim != 2 or queries.shape != gallery.shape:
        raise ValueError(
            f"two sets of matched rows (N, D) are wanted, got {queries.shape} and {gallery.shape}"
        )
    queries, gallery = _unit(queries), _unit(gallery)
    places = np.empty(len(queries), int)
    for first in range(0, len(queries), BLOCK_ROWS):
        similarity = queries[first : first + BLOCK_ROWS] @ gallery.T
        rows = np.arange(len(similarity))
        own = similarity[rows, first + rows]
        places[first : first + BLOCK_ROWS] = (similarity >= own[:, None] - 1e-12).sum(axis=1)
    return places


def retrieval(lips: np.ndarray, speech: np.ndarray, ks: Sequence[int] = (1, 5, 10)) -> Retrieval:
    """R@k in both directions over a gallery of N matched rows: (N, D), (N, D) → Retrieval.

    Raises ValueError for shapes that do not match.

    >>> recall = retrieval(np.eye(4), np.eye(4)[[0, 1, 3, 2]], ks=(1, 4))
    >>> recall.lips_to_speech, recall.speech_to_lips[1], recall.gallery
    ({1: 0.5, 4: 1.0}, 0.5, 4)
    """
    forth, back = ranks(lips, speech), ranks(speech, lips)
    return Retrieval(
        lips_to_speech={k: float((forth <= k).mean()) for k in ks},
        speech_to_lips={k: float((back <= k).mean()) for k in ks},
        gallery=len(lips),
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros stays one, and is similar to nothing."""
    rows = rows.astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
