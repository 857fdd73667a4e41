"""One trained pair of encoders evaluated on one split: what every score of the benchmark is computed from.

Every clip is read once. Row i of its lips and of its speech is the window of frames i … i + 4, of length 1 in
the common space. Kept are the rows that frozen pairs need, and one curve a clip, so that memory grows with
the pairs and not with the split.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from speechlip.benchmarking.projection.feature_cache import FeatureCache
from speechlip.benchmarking.projection.projection_head import HeadedPair
from speechlip.encoders.trained import TrainedPair
from speechlip.errors import ShardError
from speechlip.metrics.statistics.retrieval import ranks
from speechlip.metrics.sync.lse import MAX_SHIFT, confidence_of, offset_of
from speechlip.shards.pairs.frozen import FrozenPair
from speechlip.shards.pairs.rules import WINDOW
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.read.reader import ClipReader

Embed = Callable[[ClipSample, Sequence[int]], tuple[np.ndarray, np.ndarray]]
"""A clip and the windows of lips that are wanted → those lips (N, D) and all of its speech (W, D) float32,
rows of length 1.
"""
Wanted = dict[tuple[str, str], set[int]]
"""(side, key) → the windows of that clip which pairs need; an empty set for any other key."""
BATCH_WINDOWS = 32
LEAST_COMMON = 10
"""Windows that must have speech at every shift for an offset to be measured: clips of at least 44 frames."""


@dataclass(frozen=True)
class Evaluation:
    """Raw results of one seed; a clip is in the order of the keys."""

    similarity: np.ndarray
    """(P,) cosine of each frozen pair."""
    lips_rank: np.ndarray
    """(N,) rank of the right lips for the speech of each positive pair; 1 is best."""
    speech_rank: np.ndarray
    """(N,) rank of the right speech for the lips of each positive pair; 1 is best."""
    offsets: np.ndarray
    """(C,) frames per clip; NaN for a clip too short."""
    confidence: np.ndarray
    """(C,) per clip; NaN for a clip too short."""
    distance: np.ndarray
    """(C,) least mean distance per clip; NaN for a clip too short."""
    curve: np.ndarray
    """(31,) mean over the clips of the distance at each shift."""


def embed_with(pair: HeadedPair, cache: FeatureCache, device: torch.device) -> Embed:
    """The pair that was trained on ``cache``. Reads ``lips``."""

    @torch.inference_mode()
    def embed(clip: Any, starts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        features = pair.mixed(torch.from_numpy(cache.frames(clip.key, 0, clip.meta.n_frames)).to(device))
        windows = features.unfold(0, WINDOW, 1).transpose(1, 2)
        speech = normalize(pair.head(windows).float()).cpu().numpy()
        lips = [
            normalize(pair.lips(part.to(device)).float()).cpu().numpy()
            for part in cut_windows(clip.lips, starts)
        ]
        return np.concatenate(lips), speech

    return embed


def embed_as_trained(trained: TrainedPair) -> Embed:
    """A run of train-encoder by its own two halves. Reads ``lips`` and ``audio``."""

    def embed(clip: Any, starts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        lips = [trained.lip_features(part) for part in cut_windows(clip.lips, starts)]
        return np.concatenate(lips)[:, :-1], trained.speech_features(clip.audio)[
            :, :-1
        ]  # without the constant that only padding needs

    return embed


def cut_windows(lips: np.ndarray, starts: Sequence[int]) -> Iterator[torch.Tensor]:
    """Windows of a clip's lips (T, 96, 96, 3) that begin at ``starts``.

    Up to 32 at a time, (N, 5, 96, 96, 3) uint8.
    """
    for first in range(0, len(starts), BATCH_WINDOWS):
        yield torch.from_numpy(
            np.stack([lips[start : start + WINDOW] for start in starts[first : first + BATCH_WINDOWS]])
        )


def evaluate(
    embed: Embed,
    shards: Path,
    split: str,
    fields: Sequence[str],
    pairs: Sequence[FrozenPair],
    every: int = 1,
    after_clip: Callable[[str], None] = lambda key: None,
) -> Evaluation:
    """Evaluate a pair of encoders on the frozen pairs and the clips of a split.

    every: which windows of lips the offset curve takes, as for ``curve_starts``. after_clip: called with the
    key of each clip. Raises ShardError where pairs and clips do not belong together.
    """
    wanted = windows_wanted(pairs)
    rows: dict[tuple[str, str, int], np.ndarray] = {}
    curves: dict[str, np.ndarray | None] = {}
    for clip in long_enough(
        ClipReader(shards, split, fields=fields, shuffle_clips=0, rank=0, world_size=1), curves
    ):
        n_windows = clip.meta.n_frames - WINDOW + 1
        for_curve = curve_starts(n_windows, every)
        starts = starts_wanted(clip.key, n_windows, wanted, for_curve)
        lips, speech = embed(clip, starts)
        rows |= rows_wanted(clip.key, starts, lips, speech, wanted)
        curves[clip.key] = (
            curve_of(lips[[starts.index(start) for start in for_curve]], speech, for_curve)
            if for_curve
            else None
        )
        after_clip(clip.key)
    lips, speech = sides_of(pairs, rows, split)
    matched = np.array([pair.label == 1 for pair in pairs])
    known = [curves[key] for key in sorted(curves)]
    return Evaluation(
        similarity=(lips * speech).sum(1),
        lips_rank=ranks(lips[matched], speech[matched]),
        speech_rank=ranks(speech[matched], lips[matched]),
        offsets=np.array([np.nan if curve is None else offset_of(curve) for curve in known]),
        confidence=np.array([np.nan if curve is None else confidence_of(curve) for curve in known]),
        distance=np.array([np.nan if curve is None else curve.min() for curve in known]),
        curve=np.mean(
            [curve for curve in known if curve is not None] or [np.full(2 * MAX_SHIFT + 1, np.nan)], axis=0
        ),
    )


def pair_cosines(
    embed: Embed,
    shards: Path,
    split: str,
    fields: Sequence[str],
    pairs: Sequence[FrozenPair],
    after_clip: Callable[[str], None] = lambda key: None,
) -> np.ndarray:
    """(P,) cosine of each frozen pair alone, as of ``evaluate``, without looking at other windows of lips."""
    wanted = windows_wanted(pairs)
    rows: dict[tuple[str, str, int], np.ndarray] = {}
    for clip in ClipReader(shards, split, fields=fields, shuffle_clips=0, rank=0, world_size=1):
        if wanted["lips", clip.key] | wanted["speech", clip.key]:
            starts = starts_wanted(clip.key, clip.meta.n_frames - WINDOW + 1, wanted)
            rows |= rows_wanted(clip.key, starts, *embed(clip, starts), wanted)
            after_clip(clip.key)
    lips, speech = sides_of(pairs, rows, split)
    return (lips * speech).sum(1)


def starts_wanted(key: str, n_windows: int, wanted: Wanted, others: Sequence[int] = ()) -> list[int]:
    """The windows of a clip's lips that pairs need, and ``others``; at least one."""
    return sorted({*others, *(checked(start, key, n_windows) for start in wanted["lips", key])}) or [0]


def rows_wanted(
    key: str, starts: Sequence[int], lips: np.ndarray, speech: np.ndarray, wanted: Wanted
) -> dict[tuple[str, str, int], np.ndarray]:
    """(side, key, start) → the row of each window that pairs need.

    lips: (N, D), the windows that begin at ``starts``. speech: (W, D), all windows of the clip.
    """
    ours = {("lips", key, start): lips[starts.index(start)] for start in wanted["lips", key]}
    return ours | {
        ("speech", key, start): speech[checked(start, key, len(speech))] for start in wanted["speech", key]
    }


def sides_of(
    pairs: Sequence[FrozenPair], rows: dict[tuple[str, str, int], np.ndarray], split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Lips (P, D) and speech (P, D) of the pairs. Raises ShardError for a clip that is not there."""
    try:
        lips, speech = (
            np.stack([rows[(side, *place)] for place in places_of(pairs, side)])
            for side in ("lips", "speech")
        )
    except KeyError as error:
        raise ShardError(
            f"no clip {error.args[0][1]!r} in split {split!r}, which its frozen pairs name; run verify-shards"
        ) from error
    return lips, speech


def windows_wanted(pairs: Sequence[FrozenPair]) -> Wanted:
    """(side, key) → the windows of that clip which pairs need."""
    wanted: Wanted = defaultdict(set)
    for side in ("lips", "speech"):
        for key, start in places_of(pairs, side):
            wanted[side, key].add(start)
    return wanted


def places_of(pairs: Sequence[FrozenPair], side: str) -> list[tuple[str, int]]:
    """(clip, start) of one side of each pair."""
    if side == "lips":
        return [(pair.lips_key, pair.lips_start_frame) for pair in pairs]
    return [(pair.audio_key, pair.audio_start_frame) for pair in pairs]


def long_enough(clips: ClipReader, curves: dict[str, np.ndarray | None]) -> Iterator[ClipSample]:
    """Clips that have a window; the others get their entry in ``curves`` and are passed over."""
    for clip in clips:
        if clip.meta.n_frames >= WINDOW:
            yield clip
        else:
            curves[clip.key] = None


def checked(start: int, key: str, n_windows: int) -> int:
    if not 0 <= start < n_windows:
        raise ShardError(
            f"frozen pairs name frame {start} of clip {key}, which has {n_windows} windows; run verify-shards"
        )
    return start


def curve_starts(n_windows: int, every: int = 1) -> list[int]:
    """Which windows of lips the offset curve takes.

    Every so many of those that have speech at all 31 shifts; none where these are fewer than 10.

    >>> curve_starts(39), curve_starts(40)[:2], len(curve_starts(40)), curve_starts(40, 3)
    ([], [15, 16], 10, [15, 18, 21, 24])
    """
    within = range(MAX_SHIFT, n_windows - MAX_SHIFT)
    return list(within[::every]) if len(within) >= LEAST_COMMON else []


def curve_of(lips: np.ndarray, speech: np.ndarray, starts: Sequence[int]) -> np.ndarray:
    """Mean distance at each of 31 shifts: lips (N, D), all speech (W, D) → (31,).

    lips: the windows that begin at ``starts``. The same windows at every shift, because zeros beyond a clip's
    ends, or fewer windows at large shifts, would make some offsets likelier than others.

    >>> rows = np.random.default_rng(0).normal(size=(60, 8))
    >>> int(curve_of(rows[15:45], np.roll(rows, 3, axis=0), range(15, 45)).argmin()) - 15
    3
    """
    shifts = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
    apart = [
        np.linalg.norm(row - speech[start + shifts], axis=1) for row, start in zip(lips, starts, strict=True)
    ]
    return np.mean(np.array(apart, np.float64), axis=0)
