"""One trained pair of encoders, examined on one split: what every score of the benchmark is computed from.

Every clip is read once. Row i of its lips and of its speech is the window of frames i … i + 4, of length 1 in the common space. Kept are the rows
that frozen pairs need, and one curve a clip, so that memory grows with the pairs and not with the split.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from speechlip.encoders.trained import TrainedPair, batches
from speechlip.errors import ShardError
from speechlip.metrics.lse import MAX_SHIFT, confidence_of, distance_curve, distances, offset_of
from speechlip.metrics.retrieval import ranks
from speechlip.shards.decode import ClipSample
from speechlip.shards.frozen_pairs import FrozenPair
from speechlip.shards.pairs import WINDOW
from speechlip.shards.reader import ClipReader
from torch.nn.functional import normalize

from .feature_cache import FeatureCache
from .head import HeadedPair

Embed = Callable[[ClipSample], tuple[np.ndarray, np.ndarray]]
"""A clip → its lips and its speech, (W, D) float32 each, rows of length 1."""
LEAST_COMMON = 10
"""Windows that must have speech at every shift for an offset to be measured: clips of at least 44 frames."""


@dataclass(frozen=True)
class Findings:
    """Of one seed. similarity: (P,) cosine of each frozen pair. lips_rank, speech_rank: (N,) place of the right one for each positive, 1 is best.

    offsets, confidence, distance: (C,) per clip in the order of their keys, NaN for a clip too short. curve: (31,) their mean.
    """

    similarity: np.ndarray
    lips_rank: np.ndarray
    speech_rank: np.ndarray
    offsets: np.ndarray
    confidence: np.ndarray
    distance: np.ndarray
    curve: np.ndarray


def embed_with(pair: HeadedPair, cache: FeatureCache, device: torch.device) -> Embed:
    """The pair that was trained on ``cache``. Reads ``lips``."""

    @torch.inference_mode()
    def embed(clip: Any) -> tuple[np.ndarray, np.ndarray]:
        features = torch.from_numpy(cache.frames(clip.key, 0, clip.meta["n_frames"]))
        windows = features.unfold(0, WINDOW, 1).transpose(1, 2)
        speech = normalize(pair.head(windows.to(device)).float()).cpu().numpy()
        lips = [normalize(pair.lips(part.to(device)).float()).cpu().numpy() for part in batches(iter(clip.lips))]
        return np.concatenate(lips), speech

    return embed


def embed_as_trained(trained: TrainedPair) -> Embed:
    """A run of train-encoder by its own two halves. Reads ``lips`` and ``audio``."""

    def embed(clip: Any) -> tuple[np.ndarray, np.ndarray]:
        lips, speech = trained.features(iter(clip.lips), clip.audio)
        return lips[:, :-1], speech[:, :-1]  # without the constant that only padding needs

    return embed


def examine(
    embed: Embed,
    shards: Path,
    split: str,
    fields: Sequence[str],
    pairs: Sequence[FrozenPair],
    told: Callable[[str], None] = lambda key: None,
) -> Findings:
    """Findings on the frozen pairs and the clips of a split. Raises ShardError where pairs and clips do not belong together."""
    wanted = windows_wanted(pairs)
    rows: dict[tuple[str, str, int], np.ndarray] = {}
    curves: dict[str, np.ndarray | None] = {}
    for clip in long_enough(ClipReader(shards, split, fields=fields, shuffle_clips=0, rank=0, world_size=1), curves):
        lips, speech = embed(clip)
        for side, embedded in (("lips", lips), ("speech", speech)):
            for start in wanted[side, clip.key]:
                rows[side, clip.key, start] = row_of(embedded, clip.key, start)
        curves[clip.key] = curve_of(lips, speech)
        told(clip.key)
    try:
        lips, speech = (np.stack([rows[(side, *place)] for place in places_of(pairs, side)]) for side in ("lips", "speech"))
    except KeyError as error:
        raise ShardError(f"no clip {error.args[0][1]!r} in split {split!r}, which its frozen pairs name; run verify-shards") from error
    matched = np.array([pair.label == 1 for pair in pairs])
    known = [curves[key] for key in sorted(curves)]
    return Findings(
        similarity=(lips * speech).sum(1),
        lips_rank=ranks(lips[matched], speech[matched]),
        speech_rank=ranks(speech[matched], lips[matched]),
        offsets=np.array([np.nan if curve is None else offset_of(curve) for curve in known]),
        confidence=np.array([np.nan if curve is None else confidence_of(curve) for curve in known]),
        distance=np.array([np.nan if curve is None else curve.min() for curve in known]),
        curve=np.mean([curve for curve in known if curve is not None] or [np.full(2 * MAX_SHIFT + 1, np.nan)], axis=0),
    )


def windows_wanted(pairs: Sequence[FrozenPair]) -> dict[tuple[str, str], set[int]]:
    """(side, key) → the windows of that clip which pairs need."""
    wanted: dict[tuple[str, str], set[int]] = defaultdict(set)
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
        if clip.meta["n_frames"] >= WINDOW:
            yield clip
        else:
            curves[clip.key] = None


def row_of(embedded: np.ndarray, key: str, start: int) -> np.ndarray:
    if not 0 <= start < len(embedded):
        raise ShardError(f"frozen pairs name frame {start} of clip {key}, which has {len(embedded)} windows; run verify-shards")
    return embedded[start]


def curve_of(lips: np.ndarray, speech: np.ndarray) -> np.ndarray | None:
    """Mean distance at each of 31 shifts, over the windows of lips that have speech at all of them; None where these are fewer than 10.

    (W, D), (W, D) → (31,). The same windows at every shift, because zeros beyond a clip's ends, or fewer windows at large shifts, would make
    some offsets likelier than others.

    >>> rows = np.random.default_rng(0).normal(size=(60, 8))
    >>> int(curve_of(rows, np.roll(rows, 3, axis=0)).argmin()) - 15, curve_of(rows[:39], rows[:39])
    (3, None)
    """
    common = slice(MAX_SHIFT, len(lips) - MAX_SHIFT)
    if len(lips) - 2 * MAX_SHIFT < LEAST_COMMON:
        return None
    return distance_curve(distances(lips, speech)[common])
