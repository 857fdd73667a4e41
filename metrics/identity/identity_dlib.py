"""Whether a render shows the person of the real video.

Goal: faces of render and reference as 128 numbers each → mean cosine over frames.
Conventions: (T, 128) each, NaN in frames that were not looked at or have no face. In −1…1, higher is better;
frames of one of six real clips have 0.95 and more with each other, of two people 0.76 to 0.89. No CSIM: that
is the cosine of ArcFace, whose weights are not for every use.
Source: dlib_face_recognition_resnet_model_v1 (Davis King; CC0), ``identity.network``. Function: identity.
"""

import numpy as np

from speechlip.metrics.declared import CLIP, Metric, NotScored

LEAST_FRAMES = 5
"""With both faces."""


def identity(render: np.ndarray, reference: np.ndarray) -> float:
    """Mean cosine of the faces of one frame: (T, 128) twice.

    Raises NotScored (``too short``) for fewer than 5 frames with both.

    >>> one, other = np.zeros((5, 128)), np.zeros((5, 128))
    >>> one[:, 0], other[:, 0], other[:, 1] = 1, 3, 4
    >>> round(identity(one, other), 9)  # 3 / 5
    0.6
    """
    both = np.isfinite(render).all(axis=1) & np.isfinite(reference).all(axis=1)
    if both.sum() < LEAST_FRAMES:
        raise NotScored("too short", f"{both.sum()} frames with both faces, {LEAST_FRAMES} are wanted")
    one, other = (
        each[both] / np.linalg.norm(each[both], axis=1, keepdims=True) for each in (render, reference)
    )
    return float((one * other).sum(axis=1).mean())


METRICS = (
    Metric(
        name="identity_dlib",
        title="identity (dlib)",
        unit="ratio",
        higher_is_better=True,
        formula="identity-dlib",
        needs=("reference", "landmarks", "identity"),
        per=CLIP,
        compute=identity,
        lowest=-1.0,
        highest=1.0,
    ),
)
