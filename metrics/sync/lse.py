"""LSE-C, LSE-D and offset of a clip from its features: as published, and without zero padding.

Goal: one clip's lip and speech features → how far apart they are at every shift, with an interval.
Conventions: features are (T, D), one row per 25-fps frame, any width D (1024 for SyncNet, another for a
trained encoder), not normalised. Shift ``s = j − V``, j = 0 … 2V, pairs lip row ``i`` with audio row ``i +
s``. **offset > 0: the audio is early** (it must be delayed by that many frames), offset < 0: it is late.
LSE-C ≥ 0, higher is better; LSE-D ≥ 0, lower is better; both in units of the feature space.
Source: joonson/syncnet_python ``SyncNetInstance.evaluate``, used unchanged by Wav2Lip's evaluation. The
padded form counts pairs with a row of zeros beyond the clip's ends, so it depends on the clip's length (17 %
of pairs at 50 frames, 3 % at 250); the unpadded form counts real pairs only.
Functions: distances, valid_pairs, distance_curve, offset_of, confidence_of, confidence_per_frame,
block_windows, confidence_interval, sync_score.
"""

import math
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.declared import NotScored
from speechlip.metrics.statistics.intervals import t_times

MAX_SHIFT = 15
"""V, in frames: Wav2Lip's and SyncNet's ``vshift`` in every published evaluation."""
EPSILON = 1e-6
"""What torch's pairwise_distance adds to each component of the difference."""
MEDIAN_FRAMES = 9
SHORT_BLOCK, LONG_BLOCK, LEAST_BLOCKS = 25, 50, 3
"""Windows that are resampled together, 1 to 2 s, since neighbouring windows share four of five frames and the
same word; at least so many blocks a clip."""


@dataclass(frozen=True)
class SyncScore:
    """Scores of one clip.

    lse_c, lse_d: confidence and distance as published (padded)
    offset_frames: > 0 where the audio is early
    lse_c_unpadded, lse_d_unpadded: from real pairs only; NaN where a shift has no pair
    ci_low, ci_high: 95 % interval of lse_c_unpadded; NaN where a shift has no pair
    windows: T
    curve: (2V + 1,) float64, padded mean distance at shift −V … V
    curve_unpadded: (2V + 1,) float64, the same from real pairs only
    confidence: (T,) float64, per frame, at the clip's offset
    """

    lse_c: float
    lse_d: float
    offset_frames: int
    lse_c_unpadded: float
    lse_d_unpadded: float
    ci_low: float
    ci_high: float
    windows: int
    curve: np.ndarray
    curve_unpadded: np.ndarray
    confidence: np.ndarray


def distances(lips: np.ndarray, audio: np.ndarray, max_shift: int = MAX_SHIFT) -> np.ndarray:
    """Distance of every lip row to the audio rows around it: (T, D), (T, D) → (T, 2V + 1) float64.

    ``D[i, j] = ‖lips[i] − audio[i + j − V] + 1e-6‖₂``, with rows of zeros beyond the ends. One shift at a
    time: memory O(T · (2V + 1)) beside the features. Raises ValueError for shapes that do not match,
    NotScored for an empty clip or numbers that are not finite.

    >>> distances(np.array([[3.0], [5.0]]), np.array([[1.0], [1.0]]), max_shift=1).round(3).tolist()
    [[3.0, 2.0, 2.0], [4.0, 4.0, 5.0]]
    """
    _check(lips, audio)
    n = len(lips)
    result = np.repeat(_norms(lips)[:, None], 2 * max_shift + 1, axis=1)
    for column, shift in enumerate(range(-max_shift, max_shift + 1)):
        first, last = max(0, -shift), min(n, n - shift)
        if first < last:
            result[first:last, column] = _norms(lips[first:last] - audio[first + shift : last + shift])
    return result


def valid_pairs(windows: int, max_shift: int = MAX_SHIFT) -> np.ndarray:
    """Which entries of ``distances`` compare with real audio: (T, 2V + 1) bool.

    >>> padding = [1 - valid_pairs(frames - 5).mean() for frames in (50, 100, 250, 1500)]
    >>> [round(float(share), 3) for share in padding]
    [0.172, 0.081, 0.032, 0.005]
    """
    partner = np.arange(windows)[:, None] + np.arange(-max_shift, max_shift + 1)
    return (partner >= 0) & (partner < windows)


def distance_curve(table: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Mean distance at each shift: (T, 2V + 1) → (2V + 1,).

    valid: (T, 2V + 1) bool, which entries count; all by default. NaN at a shift without any.

    >>> distance_curve(np.array([[3.0, 2.0, 2.0], [4.0, 4.0, 5.0]])).tolist()
    [3.5, 3.0, 3.5]
    >>> distance_curve(np.array([[3.0, 2.0, 2.0], [4.0, 4.0, 5.0]]), valid_pairs(2, 1)).tolist()
    [4.0, 3.0, 2.0]
    """
    valid = np.ones(table.shape, bool) if valid is None else valid
    return _ratio(np.where(valid, table, 0).sum(axis=0), valid.sum(axis=0))


def offset_of(curve: np.ndarray) -> int:
    """Frames by which the audio is early (> 0) or late (< 0): ``V − argmin``.

    >>> offset_of(np.array([9.0, 9, 9, 9, 4]))  # lips match the audio 2 frames later: it is late
    -2
    """
    return len(curve) // 2 - int(np.argmin(curve))


def confidence_of(curve: np.ndarray) -> float:
    """LSE-C of a curve: its median minus its minimum; NaN where a shift had no pair.

    >>> confidence_of(np.array([9.0, 8, 4, 8, 9]))
    4.0
    """
    return float(np.median(curve) - curve.min())


def confidence_per_frame(table: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """How well each frame fits at the clip's offset: (T, 2V + 1), (2V + 1,) → (T,).

    ``median(curve) − D[:, argmin]``, then the running median of 9 with zeros beyond the ends, as
    scipy.signal.medfilt has it.

    >>> confidence_per_frame(np.tile([7.0, 2.0, 6.0], (12, 1)), np.array([7.0, 2.0, 6.0])).tolist()[:3]
    [4.0, 4.0, 4.0]
    """
    raw = np.median(curve) - table[:, int(np.argmin(curve))]
    padded = np.pad(raw, MEDIAN_FRAMES // 2)
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_FRAMES), axis=1)


def block_windows(windows: int) -> int:
    """How many neighbouring windows are resampled together.

    A tenth of the clip, 25 to 50 of them, at most a third of the clip.

    >>> [block_windows(windows) for windows in (16, 45, 95, 245, 1495)]
    [5, 15, 25, 25, 50]
    """
    return min(windows // LEAST_BLOCKS, max(SHORT_BLOCK, min(LONG_BLOCK, windows // 10)))


def confidence_interval(
    table: np.ndarray, valid: np.ndarray, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Seeded 95 % interval of the unpadded LSE-C by a bootstrap over blocks of neighbouring windows.

    table, valid: (T, 2V + 1) of ``distances`` and ``valid_pairs``, T ≥ 3; blocks of ``block_windows(T)``. The
    estimate ± Student's t for ``windows / block − 1`` degrees of freedom times the deviation of the
    resamples, which is widened because blocks are compared with the mean that they make up. The lower end is
    moved down by twice what the resamples lie above the estimate on average, and not below 0: of 31 means the
    lowest is too low by chance, so that LSE-C of unrelated audio is above 0. The estimate always lies inside.
    benchmarks/interval_coverage.py simulates how often it holds the true value; docs/protocols.md has the
    table.

    >>> valid = valid_pairs(40, 1)
    >>> confidence_interval(np.tile([7.0, 2.0, 6.0], (40, 1)), valid)
    (4.0, 4.0)
    """
    length = block_windows(len(table))
    blocks = len(table) / length
    sums, counts = _block_sums(np.where(valid, table, 0), length), _block_sums(valid.astype(float), length)
    random = np.random.default_rng(seed)
    values = np.empty(resamples)
    for i in range(resamples):
        chosen = random.integers(len(sums), size=math.ceil(blocks))
        curve = _ratio(sums[chosen].sum(axis=0), counts[chosen].sum(axis=0))
        values[i] = np.nanmedian(curve) - np.nanmin(curve)
    estimate = confidence_of(distance_curve(table, valid))
    reach = t_times(values.std(), blocks)
    too_high = max(0.0, float(values.mean()) - estimate)
    return max(0.0, estimate - 2 * too_high - reach), estimate + reach


def sync_score(
    lips: np.ndarray, audio: np.ndarray, max_shift: int = MAX_SHIFT, resamples: int = 1000, seed: int = 0
) -> SyncScore:
    """Every lip-sync number of one clip from its features: (T, D), (T, D) → SyncScore.

    Raises NotScored for an empty clip or features that are not finite, ValueError for shapes that do not
    match.

    >>> lips = np.random.default_rng(0).normal(size=(60, 8))
    >>> early = sync_score(lips, np.roll(lips, -3, axis=0))  # the audio runs 3 frames ahead
    >>> early.offset_frames, early.windows, early.lse_d_unpadded < 1e-5
    (3, 60, True)
    """
    table = distances(lips, audio, max_shift)
    valid = valid_pairs(len(table), max_shift)
    curve, unpadded = distance_curve(table), distance_curve(table, valid)
    enough = len(table) > max_shift  # then every shift has a pair
    low, high = confidence_interval(table, valid, resamples, seed) if enough else (np.nan, np.nan)
    return SyncScore(
        lse_c=confidence_of(curve),
        lse_d=float(curve.min()),
        offset_frames=offset_of(curve),
        lse_c_unpadded=confidence_of(unpadded),
        lse_d_unpadded=float(unpadded.min()),
        ci_low=low,
        ci_high=high,
        windows=len(table),
        curve=curve,
        curve_unpadded=unpadded,
        confidence=confidence_per_frame(table, curve),
    )


def _check(lips: np.ndarray, audio: np.ndarray) -> None:
    if lips.ndim != 2 or lips.shape != audio.shape:
        raise ValueError(
            f"lip and audio features of one shape (T, D) are wanted, got {lips.shape} and {audio.shape}"
        )
    if not len(lips):
        raise NotScored("too short", "the clip gives no window of 5 frames")
    if not (np.isfinite(lips).all() and np.isfinite(audio).all()):
        raise NotScored("features not finite", "the network gave numbers that are not finite")


def _norms(difference: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(difference + EPSILON).sum(axis=1, dtype=np.float64))


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _block_sums(table: np.ndarray, length: int) -> np.ndarray:
    """Sums of ``length`` neighbouring rows: (T, S) → (T − length + 1, S)."""
    running = np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(table, axis=0)])
    return running[length:] - running[:-length]
