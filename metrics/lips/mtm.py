"""MTM: by how many milliseconds a render's mouth movements are misplaced.

Goal: landmarks of render and reference → mean time between movements that belong together, in ms.
Conventions: landmarks (T, 68, 2) px, NaN without a face. MTM ≥ 0, lower is better; 0 for the same movements
at the same times, whatever their size. It says nothing of direction.
Source: Mean Temporal Misalignment of Chae-Yeon et al., "Perceptually Accurate 3D Talking Head Generation",
CVPR 2025, with the steps of their ``evaluate_MTM.py``: Gaussian of σ 2, derivative dynamic time warping,
extrema of one kind that lie on its path, each between the neighbours of the other. They take two vertices of
a 3-D mesh, we the inner lips' landmarks, and a path that stays within 2 s. Function:
mean_temporal_misalignment.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored
from speechlip.metrics.lips.opening import bridged, lip_opening, moving, stretches
from speechlip.metrics.lips.warping import accumulate, banded, path
from speechlip.timing import FPS

SIGMA_FRAMES = 2.0


def mean_temporal_misalignment(render: np.ndarray, reference: np.ndarray) -> float:
    """Mean time between extrema of the opening that belong together, ms: (T, 68, 2) px twice.

    Raises NotScored: ``too short``, ``still mouth``, ``no movement in common``.

    >>> face = np.zeros((50, 68, 2)); face[:, 45, 0] = 100
    >>> face[:, 66, 1] = 10 + 10 * np.sin(np.arange(50) / 3)
    >>> mean_temporal_misalignment(face[:-2], face[2:])
    80.0
    """
    opened = lip_opening(render), lip_opening(reference)
    for opening, whose in zip(opened, ("render", "reference"), strict=True):
        moving(opening, whose)
    own, real = (bridged(opening) for opening in opened)
    apart = [frames for part in stretches(own, real) for frames in frames_apart(own[part], real[part])]
    if not apart:
        raise NotScored("no movement in common", "no extremum of one mouth has its like in the other")
    return float(np.mean(apart)) * 1000 / FPS


def frames_apart(own: np.ndarray, real: np.ndarray) -> list[int]:
    """Frames between the extrema that belong together, of two openings (T,) without a gap."""
    from scipy.ndimage import gaussian_filter1d

    own, real = gaussian_filter1d(own, SIGMA_FRAMES), gaussian_filter1d(real, SIGMA_FRAMES)
    slope_real, slope_own = (np.diff(series, prepend=series[0]) for series in (real, own))
    kinds_real, kinds_own = extrema(real), extrema(own)
    places = sorted(kinds_real)
    before = dict(zip(places, [0, *places], strict=False))
    after = dict(zip(places, [*places[1:], len(real) - 1], strict=True))
    return [
        abs(there - here)
        for there, here in path(
            accumulate(banded(slope_real, slope_own, lambda a, b: np.abs(a - b)))
        ).tolist()
        if there in kinds_real
        and kinds_real[there] == kinds_own.get(here)
        and before[there] <= here <= after[there]
    ]


def extrema(series: np.ndarray) -> dict[int, str]:
    """Frame → ``max`` or ``min``, of a series (T,); the ends are none.

    >>> extrema(np.array([0, 1, 0, 1]))
    {1: 'max', 2: 'min'}
    """
    from scipy.signal import find_peaks

    return {
        int(place): kind for kind, sign in (("max", 1), ("min", -1)) for place in find_peaks(sign * series)[0]
    }


METRICS = (
    Metric(
        name="mtm",
        title="MTM",
        unit="ms",
        higher_is_better=False,
        formula="mtm-2d",
        needs=("reference", "landmarks"),
        per=CLIP,
        compute=mean_temporal_misalignment,
        digits=1,
    ),
)
