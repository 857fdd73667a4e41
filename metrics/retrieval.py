"""Retrieval and offset accuracy: does a lip–speech encoder find what belongs together?

Goal: from matched rows of lip and speech features, how often the match comes first; from measured offsets, how often they are right.
Conventions: features (N, D), row i of one side belongs to row i of the other; similarity is the cosine. R@k in [0, 1], higher is better; it means
something only beside the size of the gallery N (chance: k / N). Ties count against the encoder, so that constant features score 0 and not 1.
Source: R@k as in cross-modal retrieval since Hodosh et al. 2013; the 31 shifts of offset accuracy are SyncNet's ±15 (``lse.MAX_SHIFT``).
Functions: ranks, retrieval, offset_accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.lse import MAX_SHIFT

BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Retrieval:
    """recall[k]: share of lip queries whose speech is among the k nearest (``lips_to_speech``), and the other way round. gallery: N rows."""

    lips_to_speech: dict[int, float]
    speech_to_lips: dict[int, float]
    gallery: int


@dataclass(frozen=True)
class OffsetAccuracy:
    """Share of clips whose offset is exact, and right within one frame; chance of both for a guess among ``shifts``; clips: how many."""

    exact: float
    within_one: float
    chance_exact: float
    chance_within_one: float
    shifts: int
    clips: int


def ranks(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Place of the right row for every query, 1 is best: (N, D), (N, D) → (N,) int. Memory O(N) per 1024 queries, not O(N²).

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

    >>> found = retrieval(np.eye(4), np.eye(4)[[0, 1, 3, 2]], ks=(1, 4))
    >>> found.lips_to_speech, found.speech_to_lips[1], found.gallery
    ({1: 0.5, 4: 1.0}, 0.5, 4)
    """
    forth, back = ranks(lips, speech), ranks(speech, lips)
    return Retrieval(
        lips_to_speech={k: float((forth <= k).mean()) for k in ks},
        speech_to_lips={k: float((back <= k).mean()) for k in ks},
        gallery=len(lips),
    )


def offset_accuracy(
    measured: Sequence[int], true: Sequence[int] | int = 0, max_shift: int = MAX_SHIFT
) -> OffsetAccuracy:
    """How often the measured offset is the true one, at 0 and within ±1 frame, among 2V + 1 = 31 shifts.

    measured, true: offsets in frames, one per clip (or one for all). Raises ValueError for none, or an offset beyond ±V.

    >>> accuracy = offset_accuracy([0, 0, -1, 7])
    >>> accuracy.exact, accuracy.within_one, round(accuracy.chance_within_one, 3), accuracy.shifts
    (0.5, 0.75, 0.097, 31)
    """
    found = np.asarray(measured, int)
    wanted = np.broadcast_to(np.asarray(true, int), found.shape)
    if not len(found) or max(np.abs(found).max(), np.abs(wanted).max()) > max_shift:
        raise ValueError(
            f"at least one offset is wanted, all within ±{max_shift} frames, got {found.tolist()} for {wanted.tolist()}"
        )
    error, shifts = np.abs(found - wanted), 2 * max_shift + 1
    return OffsetAccuracy(
        exact=float((error == 0).mean()),
        within_one=float((error <= 1).mean()),
        chance_exact=1 / shifts,
        chance_within_one=3 / shifts,
        shifts=shifts,
        clips=len(found),
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros stays one, and is similar to nothing."""
    rows = rows.astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
