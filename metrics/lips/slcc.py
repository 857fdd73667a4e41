"""SLCC: does a mouth open more where its speech is louder?

Goal: a clip's landmarks and audio → the correlation of opening and loudness over its frames.
Conventions: landmarks (T, 68, 2) px, NaN without a face; audio (640 T,) int16. SLCC in [−1, 1]; higher is
better up to what real video has: a mouth is no level meter.
Source: after the Speech-Lip Intensity Correlation Coefficient of Chae-Yeon et al., CVPR 2025. Theirs
correlates one intensity per clip over all clips of a speaker; this one correlates the frames of one clip, so
that a clip has a number of its own. Functions: speech_lip_correlation, loudness.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.lips.opening import SHORTEST, lip_opening, moving
from speechlip.timing import SAMPLES_PER_FRAME

FLOOR_DB = -60.0
"""Of full scale: what is less loud counts as silence."""
FULL_SCALE = 32768


def loudness(audio: np.ndarray) -> np.ndarray:
    """RMS of every frame in dB of full scale, −60 at least: (640 T,) int16 → (T,) float64.

    >>> loudness(np.repeat(np.array([3277, 0], np.int16), 640)).round(2).tolist()
    [-20.0, -60.0]
    """
    frames = audio.reshape(-1, SAMPLES_PER_FRAME).astype(np.float64) / FULL_SCALE
    power = np.maximum((frames**2).mean(axis=1), 10 ** (FLOOR_DB / 10))
    decibels: np.ndarray = 10 * np.log10(power)
    return decibels


def correlation(first: np.ndarray, second: np.ndarray, what: str) -> float:
    """Pearson's r over the frames in which both, (T,), are known.

    Raises NotScored (``too short``) for fewer than 25 frames.
    """
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < SHORTEST:
        raise NotScored("too short", f"{what} wants {SHORTEST} frames with a face, {known.sum()} have one")
    return float(np.corrcoef(first[known], second[known])[0, 1])


def speech_lip_correlation(landmarks: np.ndarray, audio: np.ndarray) -> float:
    """Pearson's r of loudness in dB and opening of the mouth.

    Raises NotScored: ``too short``, ``still mouth``, ``constant audio``.
    """
    opening, level = lip_opening(landmarks), loudness(audio)
    moving(opening, "video")
    heard = level[np.isfinite(opening)]
    if np.ptp(heard) == 0:
        raise NotScored(
            "constant audio", f"every frame with a face has {heard[0]:.0f} dB: silence, or one tone"
        )
    return correlation(opening, level, "SLCC")


METRICS = with_real(
    Metric(
        name="slcc",
        title="SLCC",
        unit="ratio",
        higher_is_better=True,
        formula="slcc-frames",
        needs=("landmarks", "audio"),
        per=CLIP,
        compute=speech_lip_correlation,
        lowest=-1.0,
        highest=1.0,
    )
)
