"""How still lips are while nobody speaks.

Goal: a clip's landmarks and where somebody speaks → how much the opening of the mouth varies in silence.
Conventions: landmarks (T, 68, 2) px, NaN without a face; speech (T,) bool. In eye distances, ≥ 0, lower is
better down to what real video has.
Source: "silent lip stability" of THEval (Quignon et al. 2025, ``silent_lip_stability.py``): median distance
from the mean, over silences of at least 300 ms by Silero VAD. They average eight pairs of lip points, we take
the middle one. Function: silent_lip_deviation.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored, with_real
from speechlip.metrics.lips.opening import lip_opening
from speechlip.timing import FPS

SHORTEST_SILENCE = round(0.3 * FPS)
"""Frames; 300 ms are 7.5 of them."""


def silent_lip_deviation(landmarks: np.ndarray, speech: np.ndarray) -> float:
    """Median absolute opening − mean opening over silences, in eye distances.

    Raises NotScored (``no silence``) where no two frames with a face lie in a silence of 320 ms.

    >>> face = np.zeros((10, 68, 2)); face[:, 45, 0] = 100; face[:, 66, 1] = [0, 2] * 5
    >>> silent_lip_deviation(face, np.zeros(10, bool))
    0.01
    """
    opening = lip_opening(landmarks)[silences(speech)]
    opening = opening[np.isfinite(opening)]
    if len(opening) < 2:
        silent = int((~speech).sum())
        raise NotScored(
            "no silence", f"a face in a silence of {SHORTEST_SILENCE} frames is wanted; {silent} are silent"
        )
    return float(np.median(np.abs(opening - opening.mean())))


def silences(speech: np.ndarray) -> np.ndarray:
    """(T,) bool: frames of silences that are long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[1], speech.astype(np.int8), [1]])))
    mask = np.zeros(len(speech), bool)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        mask[start:stop] = stop - start >= SHORTEST_SILENCE
    return mask


METRICS = with_real(
    Metric(
        name="silent_lips",
        title="silent lips",
        unit="ratio",
        higher_is_better=False,
        formula="silent-lips",
        needs=("landmarks", "speech"),
        per=CLIP,
        compute=silent_lip_deviation,
        digits=4,
    )
)
