"""By how much expressions differ from the real ones, by region of the face.

Goal: blendshapes of render and reference → mean difference of the coefficients of a region.
Conventions: (T, 52) each, in [0, 1], NaN without a face. ≥ 0, lower is better; for renders that should have
the reference's expression. No AUE: that is a distance of OpenFace's action units.
Source: ``face_blendshapes.tflite`` of MediaPipe's face_landmarker.task (Apache-2.0); regions are the first
words of its names. Function: blendshape_error.
"""

from collections.abc import Callable

import numpy as np

from speechlip.faces.detectors.landmarker.blendshapes import NAMES
from speechlip.metrics.declared import CLIP, Metric, NotScored
from speechlip.metrics.lips.opening import SHORTEST

REGIONS = {
    "": ("brow", "cheek", "eye", "jaw", "mouth", "nose"),
    "brows": ("brow",),
    "eyes": ("eye",),
    "mouth": ("jaw", "mouth"),
}
"""Region, the first of which is the whole face → how the names of its coefficients begin."""


def blendshape_error(render: np.ndarray, reference: np.ndarray, region: str = "") -> float:
    """Mean |difference| of a region's coefficients over frames with both faces: (T, 52) twice.

    Raises NotScored (``too short``) for fewer than 25 such frames.

    >>> real, render = np.zeros((30, 52)), np.zeros((30, 52))
    >>> render[:, NAMES.index("jawOpen")] = 0.27  # 1 of 27 coefficients of the mouth, of 51 of the face
    >>> round(blendshape_error(render, real, "mouth"), 6), round(blendshape_error(render, real), 6)
    (0.01, 0.005294)
    """
    both = np.isfinite(render).all(axis=1) & np.isfinite(reference).all(axis=1)
    if both.sum() < SHORTEST:
        raise NotScored("too short", f"{both.sum()} frames with both faces, {SHORTEST} are wanted")
    chosen = [index for index, name in enumerate(NAMES) if name.startswith(REGIONS[region])]
    return float(np.abs(render[both][:, chosen].astype(np.float64) - reference[both][:, chosen]).mean())


def of_region(region: str) -> Callable[[np.ndarray, np.ndarray], float]:
    """``blendshape_error`` of one region, as ``Metric.compute``."""
    return lambda render, reference: blendshape_error(render, reference, region)


METRICS = tuple(
    Metric(
        name=f"blendshape_error_{region}".rstrip("_"),
        title=f"blendshape error, {region}".removesuffix(", "),
        unit="ratio",
        higher_is_better=False,
        formula="blendshape-error",
        needs=("reference", "landmarks", "blendshapes"),
        per=CLIP,
        compute=of_region(region),
        family="blendshape_error",
        digits=4,
    )
    for region in REGIONS
)
